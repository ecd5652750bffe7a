"""The step that removes backups which are no longer kept."""

from __future__ import annotations

from bot.databases.ports import HostRunner
from bot.domain.errors import Reason, RefusedError, problem
from bot.domain.runs.acts import Discard
from bot.domain.shell import Command, Part, Syntax, Word
from bot.engine.ports import Done, Effect, Ending, Failed, Job, Outcome, Output, TargetReader, Unknown

_SCRIPT = """
cd -- "$directory" || exit 1
for backup; do
  # without its manifest it is no backup any more, whatever becomes of the rest
  rm -f -- "$backup.json" && rm -f -- "$backup".sql.* "$backup".mydumper.tar || exit 1
  printf 'removed %s\\n' "$backup"
done
"""


class PrunePerformer:
    """Removes backups on the host of its step, except those that a run speaks of by now. Implements `Performer`.

    Args:
        runner: runs the script detached.
        observer: reads which backups there are, and which ones runs speak of.
    """

    def __init__(self, runner: HostRunner, observer: TargetReader) -> None:
        self._runner = runner
        self._observer = observer

    async def perform(self, job: Job, output: Output) -> Outcome:
        """Start or adopt the removal, follow it, and look what is gone."""
        try:
            backup_list = await self._observer.look(job.target).backups()
        except RefusedError as refused:
            return Failed(refused.problem)
        # Somebody may have asked for one of them since the plan was made.
        going = tuple(backup for backup in _act(job).backups if backup not in backup_list.referred)
        return await self._told(job, await self._runner.perform(job, _command(job, going), "/", {}, output))

    async def resume(self, job: Job, output: Output) -> Outcome:
        """As `perform`, but never start it."""
        return await self._told(job, await self._runner.resume(job, output))

    async def check(self, job: Job) -> Effect:
        """What is gone is gone, and what is left goes with the next firing."""
        return Effect.CANNOT_TELL

    async def end(self, job: Job) -> Ending:
        """End the removal; what is not removed stays whole."""
        return await self._runner.end(job)

    async def _told(self, job: Job, outcome: Outcome) -> Outcome:
        if not isinstance(outcome, Done):
            return outcome
        try:
            backup_list = await self._observer.look(job.target).backups()
        except RefusedError as refused:
            return Unknown(problem(Reason.OUTCOME_UNKNOWN, host=job.place, detail=refused.problem.reason.value))
        there = {kept.backup for kept in backup_list.backups}
        removed = [backup for backup in _act(job).backups if backup not in there]
        stayed = [backup for backup in _act(job).backups if backup in there]
        return Done({"removed": ", ".join(removed)} | ({"stayed": ", ".join(stayed)} if stayed else {}))


def _act(job: Job) -> Discard:
    if not isinstance(job.step.act, Discard):
        raise TypeError(f"not a step for this performer: {job.step.act!r}")
    return job.step.act


def _command(job: Job, going: tuple[str, ...]) -> Command:
    directory = job.target.backups.directory if job.target.backups is not None else "/nonexistent"
    parts: list[Part] = [Syntax("directory="), Word(directory), Syntax("\nset --")]
    for backup in going:
        parts += [Syntax(" "), Word(backup)]
    return Command((*parts, Syntax(_SCRIPT)))
