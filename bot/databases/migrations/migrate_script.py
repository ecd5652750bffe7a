"""The script that runs exactly the approved migrations, and what it found. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources

from bot.domain.runs.acts import Direction, Migrate
from bot.domain.shell import Command, Syntax, Word, assignments, command
from bot.domain.targets.migrator import MigratorAnswer, parse_migrator, row_lines, source_lines

_SCRIPT = resources.files("bot.databases").joinpath("scripts", "migrate.sh").read_text(encoding="utf-8")


@dataclass(frozen=True)
class MigrateResults:
    """What the script found.

    Args:
        outcome: the word with which it ended; empty where it never came to one.
        before: what the migrator said before; None where it could not be asked.
        after: what it said afterwards; None where it could not be asked, or nothing was run.
        dumped: words of the dump of the schema that was loaded, among them the migrations that it records.
        complaint: the end of what the application said where it could not be asked.
    """

    outcome: str
    before: MigratorAnswer | None
    after: MigratorAnswer | None
    dumped: frozenset[str]
    complaint: str


def migrate_job(act: Migrate, folder: str) -> Command:
    """Build the script.

    Args:
        act: what is approved.
        folder: for its results, in the folder that the steps of the run share.
    """
    is_up = act.direction is Direction.UP
    values = {
        "kind": "pending" if is_up else "ran",
        "approved": source_lines(act.files, "pending" if is_up else "ran"),
        "rows": "" if is_up else row_lines(reversed(act.names)),
        "dumps": source_lines(act.dumps, "schema"),
        "count": str(len(act.files)),
        "by": "file" if all(file.is_known for file in act.files) else "name",
        "COUNTERSIGN_MIGRATIONS": "\n".join(act.names),
        "COUNTERSIGN_COUNT": "\n".join(loss.table for loss in act.losses),
    }
    parts = list(assignments(values))
    parts += [Syntax("export COUNTERSIGN_COUNT COUNTERSIGN_MIGRATIONS\nnotes=$COUNTERSIGN_RUN_DIR/"), Word(folder)]
    parts += [Syntax("\nask() (\n"), *act.ask.parts, Syntax("\n)\nmigrate() (\n"), *act.command.parts, Syntax("\n)\n")]
    parts += command("set", "--", *(file.path for file in act.files)).parts
    return Command((*parts, Syntax("\n" + _SCRIPT)))


_READ = """
cd -- "$notes/$folder" || exit 44
for file in outcome before after dumped complaint; do
  [ -f "$file" ] || continue
  printf '%s\\t%s\\n' "$file" "$(($(wc -c <"$file")))"
  cat "$file"
done
"""


def read_migrate_results(notes: Command, folder: str) -> Command:
    """Build the command that prints what the script found, for `parse_files` and then `migrate_results`.

    Args:
        notes: the shell word for the folder of the run's notes.
        folder: as of `migrate_job`.
    """
    return Command((Syntax("notes="), *notes.parts, Syntax("\nfolder="), Word(folder), Syntax(_READ)))


_COMPLAINT = 600


def migrate_results(files: Mapping[str, str]) -> MigrateResults:
    """Read what the script found.

    Raises:
        ValueError: a file is not of its form.
    """
    outcome = files.get("outcome", "").strip()
    if not re.fullmatch(r"|unasked|refused|ran \d{1,3}", outcome):
        raise ValueError(f"not an outcome of a migration: {outcome[:80]!r}")
    return MigrateResults(
        outcome=outcome,
        before=parse_migrator(files["before"]) if "before" in files else None,
        after=parse_migrator(files["after"]) if "after" in files else None,
        dumped=frozenset(files.get("dumped", "").splitlines()),
        complaint=" ".join(files.get("complaint", "").split())[-_COMPLAINT:],
    )
