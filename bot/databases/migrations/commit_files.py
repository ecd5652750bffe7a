"""The files of a commit's migrations, which are read as data before anything of it runs. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.databases.migrations.rehearsal_script import files_of, parse_files
from bot.domain.runs.acts import Rehearse, SandboxRehearsal
from bot.domain.runs.findings import MigrationFile
from bot.domain.shell import Command, Syntax, assignments, command

_MAX_OF_A_FILE = 8 * 1024 * 1024

_READ = """
cd -- "$path" || exit 44
print() {
  content=$(head -c "$most"; printf .)
  content=${content%.}
  size=$(printf '%s' "$content" | wc -c)
  printf '%s\\t%s\\n' "$1" "$((size))"
  printf '%s' "$content"
}
for file; do
  ! git cat-file -e "$sha:$file" 2>/dev/null || git cat-file blob "$sha:$file" | print "$file"
done
"""


@dataclass(frozen=True)
class CommitFiles:
    """Files of a commit.

    Args:
        migrations: text of each migration by its name; those without a file are left out.
        paths: of the migrations' files, by their names.
    """

    migrations: Mapping[str, str] = field(default_factory=dict)
    paths: Mapping[str, str] = field(default_factory=dict)

    def migration_files(self) -> tuple[MigrationFile, ...]:
        """List the migrations' files as git has them."""
        return tuple(
            MigrationFile(name, self.paths[name], hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest())
            for name, text in self.migrations.items()
        )


def read_commit_files(act: Rehearse | SandboxRehearsal, path: str, most: int = _MAX_OF_A_FILE) -> Command:
    """Build the command that prints the files, for `commit_files_of`.

    Args:
        act: of which commit.
        path: of the live checkout.
        most: bytes of each file.
    """
    values = assignments({"path": path, "sha": act.sha, "most": str(most)})
    return Command((*values, *command("set", "--", *files_of(act)).parts, Syntax(_READ)))


def commit_files_of(answer: bytes, act: Rehearse | SandboxRehearsal) -> CommitFiles:
    """Read what the command printed.

    Raises:
        ValueError: it is not of that form, or was cut.
    """
    files, paths = parse_files(answer), dict(zip(act.migrations, files_of(act), strict=False))
    return CommitFiles({name: files[file] for name, file in paths.items() if file in files}, paths)
