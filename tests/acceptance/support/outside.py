"""What is seen of a run outside of Slack: the host's ledger, the database's general log, the files that are left."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from bot.demo.host.general_log import GeneralLogStatement
from bot.demo.host.host import DemoHost

CHANGES = (
    "php artisan down",
    "git merge",
    "composer install",
    "php artisan config:cache",
    "php artisan migrate",
    "php artisan route:cache",
    "php artisan view:cache",
    "php artisan event:cache",
    "php artisan optimize",
    "npm ci",
    "npm run",
    "systemctl restart",
    "php artisan queue:restart",
    "php artisan up",
)
"""The commands of the steps that change production, by their first words."""

REHEARSAL = "/.git/countersign-rehearsal-"
"""In the path of the worktree in which migrations are rehearsed, on a copy that is thrown away."""

_MIGRATION = re.compile(r"^\s*(alter|create|drop) table\b.*\btoken_id\b", re.IGNORECASE | re.DOTALL)


def changes(host: DemoHost) -> Counter[str]:
    """Count how often each command that changes production was started on a host; rehearsals change nothing."""
    ran = {words: [entry for entry in host.commands.ran(words) if REHEARSAL not in entry.cwd] for words in CHANGES}
    return Counter({words: len(entries) for words, entries in ran.items() if entries})


def migration_ddl(statements: Iterable[GeneralLogStatement]) -> list[str]:
    """Give the statements of the migration that adds `token_id`, as the live database was asked to run them."""
    said = tuple(statements)
    copies = {each.connection for each in said if each.command == "Connect" and "_countersign_" in each.text}
    return [each.text for each in said if each.ran and each.connection not in copies and _MIGRATION.match(each.text)]


def half_written(folder: Path) -> list[Path]:
    """Give the files that somebody began to write and did not finish."""
    return sorted(folder.rglob("*.part"))
