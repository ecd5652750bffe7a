"""What determines which steps of a recipe are needed, and the values that its templates may use. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

from bot.domain.runs.migration_source import MigrationSource
from bot.domain.targets.layout import KeptRelease, NewRelease, Releases
from bot.domain.targets.look import HostFacts
from bot.domain.targets.target import Target
from bot.recipes.recipe import (
    RunKind,
)
from bot.recipes.rehearsal_way import NoRehearsal, RehearsalWay

_LOCK_MARGIN = 15
"""Seconds that a session waits for a lock beyond the policy's `lock_patience`, so that the bot, which can name the
blocking session, acts first."""


@dataclass(frozen=True)
class StepInputs:
    """What determines which steps of a recipe are needed.

    Args:
        run: the run's ID.
        way: deploy or rollback.
        live: the live commit.
        sha: the commit to make live.
        hosts: facts of each host; empty before anything was read.
        migrations: to apply, or to undo.
        takes_down: whether the run takes the site down.
        backup: ID of the backup to make first, or None.
        rehearsed_on: ID of the backup whose data the rehearsal uses, or None.
        rehearses: where the migrations are rehearsed, or why they are not.
        files: of the migrations, in order.
        dumps: of the schema, any of which the framework may load into an empty database.
        table: in which the framework records migrations; None for the recipe's.
        release: the folder of the commit to make live; None for a checkout.
        begins_later: whether the change waits for a time of somebody's choice; the backup is then made when that comes.
    """

    run: str
    way: RunKind
    live: str
    sha: str
    hosts: tuple[HostFacts, ...]
    migrations: tuple[str, ...]
    takes_down: bool
    backup: str | None
    rehearsed_on: str | None = None
    rehearses: RehearsalWay | NoRehearsal = RehearsalWay.TRUSTED
    files: tuple[MigrationSource, ...] = ()
    dumps: tuple[MigrationSource, ...] = ()
    table: str | None = None
    release: NewRelease | KeptRelease | None = None
    begins_later: bool = False


def folder_of(target: Target, inputs: StepInputs) -> str:
    """Give the folder of the commit to make live: the checkout, or its release.

    Args:
        target: to operate.
        inputs: of the plan.
    """
    if isinstance(target.layout, Releases) and inputs.release is not None:
        return target.layout.folder(inputs.release.name)
    return target.path


def template_values(target: Target, inputs: StepInputs) -> dict[str, str]:
    """Give the values that a template may use, as text; lists are used one by one as `{each}`."""
    plain = {name: str(value) for name, value in target.vars.items() if not isinstance(value, tuple)}
    layout, made = target.layout, inputs.release
    if isinstance(layout, Releases):
        plain |= {"root": layout.root, "shared": "\n".join(layout.shared), "keep_releases": str(layout.keep)}
    return plain | {
        "release": made.name if made is not None else "",
        "path": target.path,
        "branch": target.branch,
        "sha": inputs.sha,
        "run": inputs.run,
        "count": str(len(inputs.migrations)),
        "migrations": "\n".join(inputs.migrations),
        "lock_wait": str(math.ceil(target.policy.lock_patience.total_seconds()) + _LOCK_MARGIN),
    }
