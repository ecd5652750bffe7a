"""`/backup`: a verified dump of a database, what there is, proving one again, and putting one back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bot.domain.backups.backup import Purpose, parse_backup_id, parse_table
from bot.domain.backups.retention import choose_deletions
from bot.domain.errors import Reason, RefusedError, problem
from bot.domain.names import TargetName
from bot.domain.runs.acts import Discard, Dump
from bot.domain.runs.plan import Finding, NothingToDo, Phase, Plan, Risk, Step
from bot.domain.runs.request import Action, Origin, Request
from bot.domain.runs.run import Run
from bot.domain.targets.look import Look
from bot.domain.targets.target import Operations, Target
from bot.recipes.proof import proof_step, proof_steps
from bot.recipes.recipe import Recipe
from commands.common import backup_id, require_age
from commands.exceptions import FLAGS, USAGE, exceptions
from commands.words import find_target, sort_words

LIST, VERIFY, RESTORE, DROP_OLD = "list", "verify", "restore", "drop-old"
_MAX_TABLES = 50
_TARGET_WORDS = 2

DUMP_TIMEOUT = 6 * 3600
"""Seconds."""


_REMOVE_TIMEOUT = 600


@dataclass(frozen=True)
class Backup:
    """The command, and the runs that make a backup or prove one again. They change nothing in production.

    Args:
        recipes: the recipe of each target.
    """

    recipes: Mapping[TargetName, Recipe]

    name: str = "/backup"
    action: Action = Action.BACKUP
    description: str = "A verified backup of the database; list, prove and restore backups"
    usage: str = (
        f"APP ENV [TABLE…] | list APP ENV | verify APP ENV ID | drop-old APP ENV [NAME] | restore APP ENV ID {USAGE}"
    )

    def parse(self, words: tuple[str, ...], origin: Origin, operations: Operations) -> Request:
        """Read what was typed behind `/backup`.

        Raises:
            RefusedError: with what is wrong and what would be right.
        """
        typed = " ".join((self.name, *words))
        what = words[0].lower() if words and words[0] not in operations.apps() else ""
        if what not in {LIST, VERIFY, RESTORE, DROP_OLD}:
            target, tables = _target_and_rest(words, _MAX_TABLES, "APP ENV [TABLE…]", origin, operations)
            named = "\n".join(dict.fromkeys(parse_table(table) for table in tables))
            return Request(self.action, target.name, origin, {"tables": named} if named else {}, typed)
        if what == LIST:
            target, _ = _target_and_rest(words[1:], 0, "list APP ENV", origin, operations)
            return Request(self.action, target.name, origin, {"what": LIST}, typed)
        if what == DROP_OLD:
            target, rest = _target_and_rest(words[1:], 1, "drop-old APP ENV [NAME]", origin, operations)
            options = {"what": DROP_OLD} | ({"name": parse_table(rest[0])} if rest else {})
            return Request(Action.RESTORE, target.name, origin, options, typed)
        action, telling = (Action.RESTORE, FLAGS) if what == RESTORE else (self.action, frozenset[str]())
        usage = f"{self.name} {what} APP ENV ID{f' {USAGE}' if telling else ''}"
        sorted_words = sort_words(words[1:], usage, frozenset(), _TARGET_WORDS + 1, telling=telling)
        target = find_target(sorted_words.plain, origin.channel, operations, usage)
        if len(sorted_words.plain) == _TARGET_WORDS:
            raise RefusedError(problem(Reason.USAGE, usage=usage))
        asked = {"what": what, "backup": parse_backup_id(sorted_words.plain[_TARGET_WORDS])}
        return Request(action, target.name, origin, asked | exceptions(sorted_words.flags, usage), typed)

    def before_plan(self, run: Run, target: Target) -> tuple[Step, ...]:
        """There is nothing to do before the plan: the dump itself refuses where it cannot end well."""
        return ()

    async def plan(self, run: Run, target: Target, look: Look) -> Plan | NothingToDo:
        """Plan a dump, or a proof.

        Raises:
            RefusedError: `backup_impossible`, the environment has no database or no place for backups, or its host
                cannot encrypt what it is to encrypt.
        """
        require_backups(target)
        if run.request.options.get("what") == VERIFY:
            step = proof_step(target, run.request.options["backup"], run.id, Phase.CHANGE)
            return Plan(request=run.request, steps=(step,), requirement=target.policy.requirement(self.action))
        tables = tuple(run.request.options.get("tables", "").split("\n")) if "tables" in run.request.options else ()
        purpose = Purpose.SCHEDULED if "scheduled" in run.request.options else Purpose.ASKED
        made = backup_id(run)
        retention = await _retention(target, run, look) if purpose is Purpose.SCHEDULED else ()
        steps = (
            dump_step(target, made, tables, purpose),
            *proof_steps(target, made, run.id, Phase.CHANGE),
            *retention,
        )
        await require_age(steps, target, look)
        return Plan(
            request=run.request,
            steps=steps,
            requirement=target.policy.requirement(self.action),
            findings=(*_missed(run), *_no_longer_kept(retention)),
        )

    async def basis(self, plan: Plan, run: Run, target: Target, look: Look) -> Mapping[str, str]:
        """A backup stands on nothing: it takes what there is."""
        return {}

    async def pending(self, plan: Plan, target: Target, look: Look) -> tuple[str, ...]:
        """No migration is run or undone."""
        return ()


def require_backups(target: Target) -> None:
    """Make sure that backups of a target can be made.

    Args:
        target: which.

    Raises:
        RefusedError: `backup_impossible`, it has no database or no place for backups.
    """
    if target.database is None or target.backups is None:
        missing = "database" if target.database is None else "backups"
        raise RefusedError(
            problem(Reason.BACKUP_IMPOSSIBLE, stage="configuration", detail=f"{target.name} has no `{missing}:`")
        )


def dump_step(target: Target, backup: str, tables: tuple[str, ...], purpose: Purpose) -> Step:
    """Give the step that makes a backup on the first host; it only reads what production has.

    Args:
        target: whose database.
        backup: the ID it will have.
        tables: which; none means all.
        purpose: what it is for.
    """
    act = Dump(backup, tables, purpose)
    return Step("backup", "Back up the database", Phase.CHANGE, target.hosts[:1], Risk.READS, DUMP_TIMEOUT, act)


def _missed(run: Run) -> tuple[Finding, ...]:
    """Say that a firing of the schedule was missed, and is made up for."""
    if "missed" not in run.request.options:
        return ()
    return (Finding("missed", {"fired_at": run.request.options["scheduled"]}),)


async def _retention(target: Target, run: Run, look: Look) -> tuple[Step, ...]:
    """Give the step that removes the backups that are no longer kept, behind a new one that is good."""
    backups = target.backups
    if backups is None or backups.keep is None:
        return ()
    backup_list = await look.backups()
    gone = choose_deletions(backup_list.backups, backups.keep, run.created_at, backups.timezone, backup_list.referred)
    if not gone:
        return ()
    title = "Remove backups that are no longer kept"
    act = Discard(gone)
    return (Step("retention", title, Phase.CHANGE, target.hosts[:1], Risk.CHANGES, _REMOVE_TIMEOUT, act),)


def _no_longer_kept(retention: tuple[Step, ...]) -> tuple[Finding, ...]:
    acts = [step.act for step in retention]
    return tuple(Finding("retention", {"backups": ", ".join(act.backups)}) for act in acts if isinstance(act, Discard))


def _target_and_rest(
    words: tuple[str, ...], most: int, usage: str, origin: Origin, operations: Operations
) -> tuple[Target, tuple[str, ...]]:
    usage = f"/backup {usage}"
    plain = sort_words(words, usage, frozenset(), _TARGET_WORDS + most).plain
    return find_target(plain, origin.channel, operations, usage), plain[_TARGET_WORDS:]
