"""What a statement did to the rows of a database: two snapshots, compared through primary keys."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import StrEnum


class Outcome(StrEnum):
    """What became of the data, from harmless to harmful."""

    REFUSED = "refused"
    """The server refused the statement, and nothing changed."""
    NOTHING = "nothing"
    CHANGED = "changed"
    """Rows, columns or tables were added, or something was renamed or redefined; every old value is still there."""
    DESTROYED = "destroyed"
    """A row, a value, a row of the history, a column or a table is gone."""


SEVERITY = tuple(Outcome)


def worst(outcomes: Sequence[Outcome]) -> Outcome:
    """Return the most harmful of some outcomes."""
    return max(outcomes, key=SEVERITY.index)


@dataclass(frozen=True)
class TableContents:
    """One table as it is read.

    Args:
        definition: as `SHOW CREATE TABLE` prints it.
        columns: names, in order.
        key: names of the columns of its primary key; all columns where it has none.
        rows: values in the order of `columns`, history included.
    """

    definition: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]

    def column(self, name: str) -> tuple[str, ...]:
        """Return the values of a column in the order of the rows."""
        place = self.columns.index(name)
        return tuple(comparable(row[place]) for row in self.rows)


Snapshot = Mapping[tuple[str, str], TableContents | None]
"""Tables by database and name; None where a table cannot be read any more."""


def outcome(before: Snapshot, after: Snapshot, definitions_changed: bool, refused: bool) -> Outcome:
    """Compare two snapshots.

    Args:
        before: the snapshot before the statement.
        after: the snapshot after it.
        definitions_changed: whether a view, routine, trigger or event is different.
        refused: whether the server answered with an error.
    """
    for (database, name), table in before.items():
        if table is None:
            continue
        same_name = after.get((database, name))
        elsewhere = [other for (at, called), other in after.items() if at == database and called != name]
        if not any(other is not None and holds(other, table) for other in (same_name, *elsewhere)):
            return Outcome.DESTROYED
    if definitions_changed or before != after:
        return Outcome.CHANGED
    return Outcome.REFUSED if refused else Outcome.NOTHING


def holds(after: TableContents, before: TableContents) -> bool:
    """Say whether a table still has every row and value of another, whatever its columns are called now."""
    names = _current_names(after, before)
    if names is None:
        return False
    key = [names[name] for name in before.key]
    if before.key == before.columns:
        old = Counter(_tuples(before, before.columns))
        return not old - Counter(_tuples(after, tuple(names[name] for name in before.columns)))
    rows_after = dict(zip(_tuples(after, tuple(key)), after.rows, strict=True))
    places = {name: after.columns.index(names[name]) for name in before.columns}
    for identity, row in zip(_tuples(before, before.key), before.rows, strict=True):
        now = rows_after.get(identity)
        if now is None:
            return False
        for place, name in enumerate(before.columns):
            if not equal(row[place], now[places[name]]):
                return False
    return True


def _tuples(table: TableContents, names: tuple[str, ...]) -> list[tuple[str, ...]]:
    if not table.rows:
        return []
    return list(zip(*(table.column(name) for name in names), strict=True))


def _current_names(after: TableContents, before: TableContents) -> dict[str, str] | None:
    """Find each column: under its name, unless its values lie under another; None where one is gone."""
    names: dict[str, str] = {}
    for name in before.columns:
        values = Counter(before.column(name))
        candidates = sorted(after.columns, key=lambda candidate: candidate != name)
        found = next(
            (
                candidate
                for candidate in candidates
                if candidate not in names.values() and not values - Counter(after.column(candidate))
            ),
            None,
        )
        if found is None:
            return None
        names[name] = found
    return names


def equal(old: object, new: object) -> bool:
    """Say whether a value is still the same, apart from how its type is written."""
    return comparable(old) == comparable(new)


_FRACTION = re.compile(r"^(.*\d:\d\d:\d\d)\.(\d*?)0*$")


def comparable(value: object) -> str:
    """Write a value so that the same one of a wider type is written the same."""
    if value is None:
        return "NULL"
    if isinstance(value, bytes):
        value = value.decode("utf-8", errors="surrogateescape")
    text = str(value)
    if match := _FRACTION.match(text):
        return "=" + match[1] + (f".{match[2]}" if match[2] else "")
    try:
        number = Decimal(text)
    except InvalidOperation:
        return "=" + text
    if not number.is_finite() or text != text.strip() or len(text) > 60:
        return "=" + text
    return "=" + format(number.normalize(), "f")
