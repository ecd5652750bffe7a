"""The step that removes backups which are no longer kept."""

from __future__ import annotations

from bot.databases.backups.access import BackupAccess
from bot.databases.backups.manifest import dump_files
from bot.databases.backups.remote_catalog import manifest_file
from bot.databases.backups.script_step import act_of
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
    """Removes backups where they are kept, except those that a run refers to by now or that are dated in the future.

    Implements `Performer`.

    On a host a script removes them, so that it is done once. Elsewhere the bot does, as often as it is asked to.

    Args:
        access: to hosts and backups.
        observer: reads which backups there are, and which ones runs refer to.
    """

    def __init__(self, access: BackupAccess, observer: TargetReader) -> None:
        self._runner = access.runner
        self._storages = access.storages
        self._observer = observer

    async def perform(self, job: Job, output: Output) -> Outcome:
        """Remove each backup that nobody has asked for since the plan was made, its manifest first."""
        act = act_of(job, Discard)
        try:
            known = await self._observer.look(job.target).backups()
            going = tuple(each for each in act.backups if each not in known.referred | known.future_dated)
            storage = self._storages.remote(job.target)
            if storage is None:
                return await self._finish(job, await self._runner.perform(job, _command(job, going), "/", {}, output))
            for backup in going:
                await storage.remove((manifest_file(backup), *dump_files(backup)))
        except RefusedError as refused:
            return Failed(refused.problem)
        return _done(act, frozenset(act.backups) - frozenset(going), known.future_dated)

    async def resume(self, job: Job, output: Output) -> Outcome:
        """As `perform`, but never start a script."""
        if self._storages.remote(job.target) is not None:
            return await self.perform(job, output)
        return await self._finish(job, await self._runner.resume(job, output))

    async def check(self, job: Job) -> Effect:
        """Report nothing: the next firing removes what is left."""
        return Effect.CANNOT_TELL

    async def end(self, job: Job) -> Ending:
        """End the removal; backups that are not removed stay whole."""
        return Ending.GONE if self._storages.remote(job.target) is not None else await self._runner.end(job)

    async def _finish(self, job: Job, outcome: Outcome) -> Outcome:
        if not isinstance(outcome, Done):
            return outcome
        try:
            backup_list = await self._observer.look(job.target).backups()
        except RefusedError as refused:
            return Unknown(problem(Reason.OUTCOME_UNKNOWN, host=job.place, detail=refused.problem.reason.value))
        remaining = frozenset(kept.backup for kept in backup_list.backups)
        return _done(act_of(job, Discard), remaining, backup_list.future_dated)


def _done(act: Discard, remaining: frozenset[str], future_dated: frozenset[str]) -> Done:
    removed = [backup for backup in act.backups if backup not in remaining]
    stayed = [backup for backup in act.backups if backup in remaining]
    facts = {"removed": ", ".join(removed), "stayed": ", ".join(stayed), "ignored": ", ".join(sorted(future_dated))}
    return Done({name: value for name, value in facts.items() if value or name == "removed"})


def _command(job: Job, backups: tuple[str, ...]) -> Command:
    directory = job.target.backups.directory if job.target.backups is not None else "/nonexistent"
    parts: list[Part] = [Syntax("directory="), Word(directory), Syntax("\nset --")]
    for backup in backups:
        parts += [Syntax(" "), Word(backup)]
    return Command((*parts, Syntax(_SCRIPT)))
