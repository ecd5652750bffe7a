"""Where the migrations of one commit are rehearsed, or why they are not. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase

from bot.domain.policies.rehearsal_mode import RehearsalMode
from bot.domain.runs.findings import NotRehearsedReason
from bot.domain.targets.target import Target
from bot.recipes.recipe import MigrationCommand, Migrations, MigrationTable, SandboxCommands


class RehearsalWay(StrEnum):
    """Where the migrations of one commit are rehearsed."""

    SANDBOX = "sandbox"
    """Before approval, cut off from production."""
    TRUSTED = "trusted"
    """Before approval, with production's rights."""
    AFTER_APPROVAL = "after_approval"
    """Behind the gate, on another server."""


@dataclass(frozen=True)
class NoRehearsal:
    """The migrations of one commit are not rehearsed.

    Args:
        why: they are not.
        detail: a fact about it, for people.
    """

    why: NotRehearsedReason
    detail: str = ""


def rehearsal_way(
    target: Target,
    migrations: Migrations | None,
    *,
    on_branch: bool,
    changed: Sequence[str] = (),
) -> RehearsalWay | NoRehearsal:
    """Decide where the migrations of a commit are rehearsed.

    Args:
        target: to operate.
        migrations: of its recipe.
        on_branch: whether the commit is on the environment's branch, or live already: only such a commit's code may
            ever have production's rights before it is approved.
        changed: paths that the commit changes.
    """
    mode = target.policy.rehearsal
    if mode is RehearsalMode.NEVER:
        return NoRehearsal(NotRehearsedReason.NEVER)
    if mode is RehearsalMode.SANDBOX and migrations is not None:
        return _in_sandbox(target, migrations.sandbox, changed)
    if not _can_rehearse(migrations):
        return NoRehearsal(NotRehearsedReason.RECIPE)
    if mode is RehearsalMode.AFTER_APPROVAL:
        # A tool that only shows SQL has nothing to be found behind the gate.
        later = isinstance(migrations, MigrationTable)
        return RehearsalWay.AFTER_APPROVAL if later else NoRehearsal(NotRehearsedReason.RECIPE)
    return RehearsalWay.TRUSTED if on_branch else NoRehearsal(NotRehearsedReason.NOT_ON_BRANCH, target.branch)


def _in_sandbox(target: Target, how: SandboxCommands | None, changed: Sequence[str]) -> RehearsalWay | NoRehearsal:
    if how is None:
        return NoRehearsal(NotRehearsedReason.RECIPE)
    if target.database is not None and not target.database.may_copy:
        return NoRehearsal(NotRehearsedReason.SCRATCH_OFF)
    others = (path for path in changed if any(fnmatchcase(path, pattern) for pattern in how.live_packages))
    if (other := next(others, None)) is not None:
        return NoRehearsal(
            NotRehearsedReason.PACKAGES, f"{other} is not as it is live, and nothing is downloaded for it"
        )
    return RehearsalWay.SANDBOX


def _can_rehearse(migrations: Migrations | None) -> bool:
    match migrations:
        case MigrationTable(rehearsal=how):
            return how is not None
        case MigrationCommand(sql=sql):
            return sql is not None
        case None:
            return False
