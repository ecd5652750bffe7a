"""Targets on the tests' own servers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from bot.demo.host.database import DemoDatabase
from bot.domain.names import TargetName
from bot.domain.policies.policy import Policy
from bot.domain.secrets import Secret
from bot.domain.targets.target import Backups, Database, Target


def target_on(made: DemoDatabase, folder: Path, **changes: object) -> Target:
    """A target with a database, whose backups lie in a folder.

    Args:
        made: the database.
        folder: for its checkout, and for its backups.
        **changes: to how it reaches the database.
    """
    database = Database(
        via=None, host=made.host, port=made.port, name=made.name, user=made.user, password=Secret(made.password)
    )
    return Target(
        name=TargetName("compte", "production"),
        recipe="laravel",
        channels=("C0OPS",),
        policy=Policy("production", {}, {}),
        hosts=("web1",),
        path=str(folder),
        branch="main",
        database=replace(database, **changes),  # type: ignore[arg-type]
        backups=Backups(str(folder / "backups")),
    )
