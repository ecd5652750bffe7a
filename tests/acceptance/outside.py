"""What is seen of a run outside of Slack: the host's ledger, the database's general log, the files that are left."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from bot.demo.general_log import Statement
from bot.demo.host import Host

CHANGES = (
    "php artisan down",
    "git merge",
    "composer install",
    "php artisan migrate",
    "php artisan config:cache",
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

_MIGRATION = re.compile(r"^\s*(alter|create|drop) table\b.*\btoken_id\b", re.IGNORECASE | re.DOTALL)


def changes(host: Host) -> Counter[str]:
    """Count how often each command that changes production was started on a host."""
    return Counter({words: count for words in CHANGES if (count := len(host.commands.ran(words)))})


def migration_ddl(statements: Iterable[Statement]) -> list[str]:
    """Give the statements of the migration that adds `token_id`, as the server was asked to run them."""
    return [statement.text for statement in statements if statement.ran and _MIGRATION.match(statement.text)]


def half_written(folder: Path) -> list[Path]:
    """Give the files that somebody began to write and did not finish."""
    return sorted(folder.rglob("*.part"))
