"""The statements with which a framework records in its table which migrations ran, as a server logged them. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.domain.runs.acts import Direction, MigrationRecords, SandboxRehearsal

_WRITE = re.compile(
    r"(?is)\s*(?P<verb>insert|delete|replace|update)\s+(?:into\s+|from\s+)?(?:`[^`]*`\s*\.\s*)?`?(?P<table>[\w$]+)`?(?P<rest>.*)"
)
_NAME = re.compile(r"'([A-Za-z0-9_.:,+/-]+)'")


@dataclass(frozen=True)
class RecordedMigrations:
    """How a framework records migrations.

    Args:
        table: its table.
        direction: whether migrations are run or undone.
        records: how it is written; None for a row by the migration's name.
        names: names of migrations in plans by what the table calls them, where that is not the same.
    """

    table: str
    direction: Direction = Direction.UP
    records: MigrationRecords | None = None
    names: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, act: SandboxRehearsal) -> RecordedMigrations:
        """Give those of an act. In plans a migration of Alembic has its title behind its revision."""
        is_alembic = act.records is MigrationRecords.ALEMBIC
        names = {name.partition(" ")[0]: name for name in act.migrations} if is_alembic else {}
        return cls(act.table, act.direction, act.records, names)

    def named(self, recorded: str) -> str:
        """Give the name in plans of a migration, by that in the table."""
        return self.names.get(recorded, recorded)

    def recorded(self, sql: str) -> str | None:
        """Name the migration that a statement records or takes out of the record; None where it does neither.

        Args:
            sql: a statement whose literals are there if it writes to the table.
        """
        found = _WRITE.fullmatch(sql)
        if found is None or found["table"].lower() != self.table.lower():
            return None
        verb, literals = found["verb"].lower(), _NAME.findall(found["rest"])
        match self.records:
            case None:
                name = literals[0] if literals else None
            case MigrationRecords.DJANGO:
                name = ".".join(literals[:2]) if len(literals) >= 2 and verb != "update" else None
            case MigrationRecords.ALEMBIC:
                name = _alembic(verb, literals, self.direction)
        return self.named(name) if name else None


def _alembic(verb: str, literals: list[str], direction: Direction) -> str | None:
    """Read a write to the table of heads: `SET version_num='NEW' WHERE … = 'OLD'`, where one is written over.

    A merge deletes heads and writes over one; undoing it writes over one and inserts the others (Alembic,
    `HeadMaintainer.update_to_step`).
    """
    match verb, direction:
        case ("insert", Direction.UP) | ("update", Direction.UP) | ("delete", Direction.DOWN):
            return literals[0] if literals else None
        case ("update", Direction.DOWN):
            return literals[1] if len(literals) == 2 else None
        case _:
            return None
