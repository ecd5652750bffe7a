"""`/backup drop-old APP ENV [NAME]`: drop a leftover of a restore. Destructive, so it has the gate of a restore."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bot.domain.backups.backup import BackupInfo, parse_table
from bot.domain.backups.leftovers import Leftover, choose_leftovers
from bot.domain.errors import RefusedError
from bot.domain.runs.acts import DropOld
from bot.domain.runs.basis import Basis
from bot.domain.runs.findings import OldTables
from bot.domain.runs.plan import NothingToDo, OnFailure, Phase, Plan, Risk, Step
from bot.domain.runs.request import Action, DropLeftover, Origin, Request
from bot.domain.runs.run import Run
from bot.domain.targets.look import Look
from bot.domain.targets.target import Operations, Target
from commands.command import options_as
from commands.dump import require_backups
from commands.named import require_leftover
from commands.server_role import require_writable
from commands.words import TARGET_WORDS, find_target, sort_words, with_target

_TIMEOUT = 3600


@dataclass(frozen=True)
class DropOldSubcommand:
    """The subcommand, and the planner of its runs."""

    name: str = "drop-old"
    usage: str = "drop-old APP ENV [NAME]"

    def parse(self, words: tuple[str, ...], origin: Origin, operations: Operations) -> Request:
        """Read what was typed behind `/backup`."""
        usage = f"/backup {self.usage}"
        plain = sort_words(words[1:], usage, frozenset(), TARGET_WORDS + 1).plain
        plain = with_target(plain, origin.channel, operations, TARGET_WORDS + 1)
        target = find_target(plain, origin.channel, operations, usage)
        options = DropLeftover(parse_table(plain[TARGET_WORDS]) if len(plain) > TARGET_WORDS else None)
        return Request(options, target.name, origin, " ".join(("/backup", *words)))

    async def check_names(self, request: Request, target: Target, look: Look) -> None:
        """Refuse a leftover that is not there (`unknown_remains`)."""
        if isinstance(request.options, DropLeftover):
            await require_leftover(request.options.name, look)

    def before_plan(self, run: Run, target: Target) -> tuple[Step, ...]:
        """Nothing precedes the plan."""
        return ()

    async def plan(self, run: Run, target: Target, look: Look) -> Plan | NothingToDo:
        """Choose the leftover, and report its restore and the safety backup that has the same data.

        Raises:
            RefusedError: `unknown_remains`; `backup_impossible`, the environment has no database; or what a host or the
                database answers.
        """
        require_backups(target)
        left = choose_leftovers(await look.leftovers(), options_as(run, DropLeftover).name)
        if left is None:
            return NothingToDo({"remains": "none"})
        require_writable(await look.database(None))
        act = DropOld(left.database, left.tables)
        step = Step(
            "drop-old",
            "Drop the old tables",
            Phase.CHANGE,
            target.hosts[:1],
            Risk.DESTROYS,
            _TIMEOUT,
            act,
            on_failure=OnFailure.FAIL,
        )
        return Plan(
            request=run.request,
            steps=(step,),
            requirement=target.policy.requirement(Action.RESTORE),
            basis=_basis(left),
            findings=(await _what_goes(left, look),),
            destructive=True,
        )

    async def basis(self, plan: Plan, run: Run, target: Target, look: Look) -> Basis:
        """Read the leftover again.

        Raises:
            RefusedError: what a host or the database answers.
        """
        [act] = [step.act for step in plan.steps]
        name = act.database if isinstance(act, DropOld) else ""
        left = next((one for one in await look.leftovers() if one.database == name), None)
        return Basis() if left is None else _basis(left)

    async def pending(self, plan: Plan, target: Target, look: Look) -> tuple[str, ...]:
        """No migration is run or undone."""
        return ()


def _basis(left: Leftover) -> Basis:
    return Basis({"kept database": left.database, "kept tables": str(left.tables)})


async def _what_goes(left: Leftover, look: Look) -> OldTables:
    """Build the finding: the leftover, its restore, and the safety backup that has the same data."""
    restore = await look.past(left.run)
    found = OldTables(left.database, left.left, left.tables, left.bytes, left.run)
    if restore is None:
        return found
    safety = await _safety(restore, look)
    return replace(
        found,
        backup=restore.request.backup or "",
        kept_at=restore.ended_at or restore.created_at,
        state=restore.state.value,
        safety=safety.backup if safety is not None else "",
        safety_proof=safety.proof if safety is not None else None,
    )


async def _safety(restore: Run, look: Look) -> BackupInfo | None:
    """Find the safety backup of a restore, if it still exists."""
    made = restore.plan.backup if restore.plan is not None else None
    try:
        return (await look.backups()).find(made or "")
    except RefusedError:
        return None
