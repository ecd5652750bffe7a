"""Parsers for what migration tools print."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from bot.domain.targets.look import AppliedMigration


class Parser(StrEnum):
    """The tool whose output to parse."""

    LARAVEL = "laravel"
    """`artisan migrate:status`, of version 8 and of 9 and later."""
    ALEMBIC = "alembic"
    """`alembic history --verbose`, then `alembic current --verbose`."""
    DJANGO = "django"
    """`manage.py showmigrations --plan`, then `showmigrations --list --verbosity 2`."""


def lists_commits(parser: Parser) -> bool:
    """Whether what a tool says of a commit's files alone can be read: lines as of `history` or of `--plan`."""
    return parser in _AT_COMMIT


@dataclass(frozen=True)
class Listing:
    """The migrations that a tool knows.

    Args:
        there: names of those at the commit, in the order in which they run.
        ran: those that were applied, in order.
        unknown: applied migrations that the tool does not know; if there are any, `ran` is empty.
    """

    there: tuple[str, ...]
    ran: tuple[AppliedMigration, ...]
    unknown: tuple[str, ...] = ()


def read_status(parser: Parser, text: str) -> Listing:
    """Parse what a tool printed about the state of migrations.

    Args:
        parser: of the tool.
        text: standard output; unrelated lines are ignored.
    """
    return _READERS[parser](text.replace("\r\n", "\n"))


def read_at_commit(parser: Parser, text: str, files: str) -> Listing:
    """Parse what a tool printed about the files of a commit, and about the database.

    Args:
        parser: of the tool; one that `lists_commits`.
        text: what the live code's tool printed; it alone is believed about what was applied.
        files: what the commit's own tool printed without a database; only its names are used.
    """
    return _AT_COMMIT[parser](text.replace("\r\n", "\n"), files.replace("\r\n", "\n"))


def name_of_revision(revision: str, title: str) -> str:
    """Name a migration of Alembic as `alembic history` does: its revision, then its title."""
    return f"{revision} {title}".strip()


# ── Laravel ──────────────────────────────────────────────────────────────────────────────────────────────────────────

_LARAVEL_RAN = {"Yes": True, "Ran": True, "No": False, "Pending": False}
_BATCH = re.compile(r"\[(\d+)\]")
_ESCAPES = re.compile(r"\x1b\[[0-9;]*m")


def _laravel(text: str) -> Listing:
    rows: list[tuple[str, bool, int | None]] = []
    for line in _ESCAPES.sub("", text).splitlines():
        row = _laravel_row(line.strip())
        if row is not None:
            rows.append(row)
    ran = sorted(
        (AppliedMigration(name, batch) for name, did, batch in rows if did), key=lambda row: (row.batch or 0, row.name)
    )
    return Listing(tuple(sorted(name for name, _, _ in rows)), tuple(ran))


def _laravel_row(line: str) -> tuple[str, bool, int | None] | None:
    """Read a line of `migrate:status`: its name, whether it ran, and its batch. Each character is looked at once."""
    if line.startswith("|"):
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) != 3 or cells[0] not in {"Yes", "No"} or not cells[1]:
            return None
        return cells[1], _LARAVEL_RAN[cells[0]], int(cells[2]) if cells[2].isdecimal() else None
    words = line.split()
    if len(words) > 1 and _BATCH.fullmatch(words[-1]):
        words.pop()
    if len(words) < 2 or words[-1] not in _LARAVEL_RAN:
        return None
    ran = _LARAVEL_RAN[words.pop()]
    batch = _BATCH.fullmatch(words[-1]) if len(words) > 1 else None
    if batch is not None:
        words.pop()
    name = " ".join(words).rstrip(" .")
    return (name, ran, int(batch[1]) if batch else None) if name else None


# ── Alembic ──────────────────────────────────────────────────────────────────────────────────────────────────────────

_REVISION = re.compile(r"^Rev: (?P<revision>\S+)")
_ABOVE = re.compile(r"^(?:Parent|Merges|Also depends on): (?P<revisions>.+)$")
_CURRENT = re.compile(r"^Current revision\(s\) for ")
_NOT_THERE = re.compile(r"Can't locate revision identified by '(?P<revision>[^']+)'")
_BASE = "<base>"


@dataclass
class _Revision:
    above: list[str]
    title: str = ""


@dataclass(frozen=True)
class _Alembic:
    """What the tool printed.

    Args:
        known: revisions by their names, the newest first.
        current: those at which the database is.
        missing: those at which it is, and that have no file.
    """

    known: Mapping[str, _Revision]
    current: tuple[str, ...]
    missing: tuple[str, ...]


def _alembic(text: str) -> Listing:
    told = _read_alembic(text)
    return _alembic_listing(told.known, told)


def _alembic_at_commit(text: str, files: str) -> Listing:
    return _alembic_listing(_read_alembic(files).known, _read_alembic(text))


def _read_alembic(text: str) -> _Alembic:
    known: dict[str, _Revision] = {}
    current: list[str] = []
    missing: list[str] = []
    in_current = False
    at: _Revision | None = None
    for line in text.splitlines():
        if _CURRENT.match(line):
            in_current = True
        elif (match := _NOT_THERE.search(line)) is not None:
            missing.append(match["revision"])
        elif (match := _REVISION.match(line)) is not None:
            at = known.setdefault(match["revision"], _Revision([])) if not in_current else None
            if in_current:
                current.append(match["revision"])
        elif at is not None and (match := _ABOVE.match(line)) is not None:
            at.above += [name for name in match["revisions"].split(", ") if name != _BASE]
        elif at is not None and not at.title and line.startswith("    "):
            at.title = line.strip()
    return _Alembic(known, tuple(current), tuple(missing))


def _alembic_listing(known: Mapping[str, _Revision], told: _Alembic) -> Listing:
    # A revision that the live code does not know may be one of the commit's.
    current = (*told.current, *(revision for revision in told.missing if revision in known))
    unknown = [revision for revision in (*told.missing, *told.current) if revision not in known]
    # the history is listed newest first
    order = list(known)[::-1]
    below = _with_ancestors(current, known)
    names = {revision: name_of_revision(revision, known[revision].title) for revision in order}
    ran = tuple(AppliedMigration(names[revision], None) for revision in order if revision in below)
    return Listing(tuple(names.values()), () if unknown else ran, tuple(dict.fromkeys(unknown)))


def _with_ancestors(current: Iterable[str], known: Mapping[str, _Revision]) -> set[str]:
    found: set[str] = set()
    left = list(current)
    while left:
        revision = left.pop()
        if revision not in found:
            found.add(revision)
            left += known[revision].above if revision in known else []
    return found


# ── Django ───────────────────────────────────────────────────────────────────────────────────────────────────────────

_PLANNED = re.compile(r"^\[(?P<ran>[X ])\]  (?P<name>[^\s.]+\.\S+)(?: \.\.\. \(.*\))?$")
_APP = re.compile(r"^(?P<app>[A-Za-z_]\w*)$")
_APPLIED = re.compile(r"^ \[[X-]\] (?P<name>\S+).*\(applied at (?P<when>[0-9: -]+)\)$")


def _django(text: str) -> Listing:
    there: list[str] = []
    did: list[str] = []
    when: dict[str, str] = {}
    app = ""
    for line in _ESCAPES.sub("", text).splitlines():
        if (match := _PLANNED.match(line)) is not None:
            there.append(match["name"])
            if match["ran"] == "X":
                did.append(match["name"])
        elif (match := _APP.match(line)) is not None:
            app = match["app"]
        elif (match := _APPLIED.match(line)) is not None:
            when[f"{app}.{match['name']}"] = match["when"]
    # Whole seconds only; within one, the order of the plan, which is the order in which Django applies them.
    ran = sorted(did, key=lambda name: when.get(name, ""))
    return Listing(tuple(there), tuple(AppliedMigration(name, None) for name in ran))


def _django_at_commit(text: str, files: str) -> Listing:
    there = _django(files).there
    return Listing(there, tuple(row for row in _django(text).ran if row.name in set(there)))


_READERS: Mapping[Parser, Callable[[str], Listing]] = {
    Parser.LARAVEL: _laravel,
    Parser.ALEMBIC: _alembic,
    Parser.DJANGO: _django,
}

_AT_COMMIT: Mapping[Parser, Callable[[str, str], Listing]] = {
    Parser.ALEMBIC: _alembic_at_commit,
    Parser.DJANGO: _django_at_commit,
}
