"""`/backup verify APP ENV ID`: prove a backup again. Changes nothing in production."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.backups.backup import parse_backup_id
from bot.domain.errors import Reason, RefusedError, problem
from bot.domain.runs.basis import Basis
from bot.domain.runs.plan import NothingToDo, Phase, Plan, Step
from bot.domain.runs.request import Action, Origin, Request, VerifyBackup
from bot.domain.runs.run import Run
from bot.domain.targets.look import Look
from bot.domain.targets.target import Operations, Target
from bot.recipes.proof import proof_step
from commands.command import options_as
from commands.dump import require_backups
from commands.named import require_backup
from commands.words import TARGET_WORDS, find_target, sort_words, with_target


@dataclass(frozen=True)
class VerifySubcommand:
    """The subcommand, and the planner of its runs."""

    name: str = "verify"
    usage: str = "verify APP ENV ID"

    def parse(self, words: tuple[str, ...], origin: Origin, operations: Operations) -> Request:
        """Read what was typed behind `/backup`."""
        usage = f"/backup {self.usage}"
        plain = sort_words(words[1:], usage, frozenset(), TARGET_WORDS + 1).plain
        plain = with_target(plain, origin.channel, operations, TARGET_WORDS + 1)
        target = find_target(plain, origin.channel, operations, usage)
        if len(plain) == TARGET_WORDS:
            raise RefusedError(problem(Reason.USAGE, usage=usage))
        options = VerifyBackup(parse_backup_id(plain[TARGET_WORDS]))
        return Request(options, target.name, origin, " ".join(("/backup", *words)))

    async def check_names(self, request: Request, target: Target, look: Look) -> None:
        """Refuse a backup that is not there (`unknown_backup`)."""
        if isinstance(request.options, VerifyBackup):
            await require_backup(request.options.backup, look)

    def before_plan(self, run: Run, target: Target) -> tuple[Step, ...]:
        """Nothing precedes the plan."""
        return ()

    async def plan(self, run: Run, target: Target, look: Look) -> Plan | NothingToDo:
        """Plan the proof.

        Raises:
            RefusedError: `backup_impossible`, the environment has no database or no place for backups.
        """
        require_backups(target)
        step = proof_step(target, options_as(run, VerifyBackup).backup, run.id, Phase.CHANGE)
        return Plan(request=run.request, steps=(step,), requirement=target.policy.requirement(Action.BACKUP))

    async def basis(self, plan: Plan, run: Run, target: Target, look: Look) -> Basis:
        """The plan depends on nothing that could change."""
        return Basis()

    async def pending(self, plan: Plan, target: Target, look: Look) -> tuple[str, ...]:
        """No migration is run or undone."""
        return ()
