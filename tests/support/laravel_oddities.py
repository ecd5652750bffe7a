"""What real Laravel applications have beside plain migrations: packages with migrations, prefixes, dumps, helpers."""

from __future__ import annotations

import hashlib
from pathlib import Path

from bot.demo.application.application import Application
from bot.demo.application.git import git
from bot.domain.runs.migration_source import MigrationSource

MIGRATIONS = "database/migrations"
PACKAGE = "vendor/acme/audit"
_LAST_PROVIDER = "        App\\Providers\\RouteServiceProvider::class,\n"


def migration(up: str, down: str = "") -> str:
    """Write a migration.

    Args:
        up: PHP statements.
        down: PHP statements.
    """
    return f"""<?php
use Illuminate\\Database\\Migrations\\Migration;
use Illuminate\\Database\\Schema\\Blueprint;
use Illuminate\\Support\\Facades\\{{Artisan, DB, Schema}};
return new class extends Migration {{
    public function up() {{ {up} }}
    public function down() {{ {down} }}
}};
"""


def add_column(name: str, table: str = "users") -> str:
    """Write a migration that adds a column, and takes it away again."""
    column = f"$table->string('{name}', 20)->nullable();"
    return migration(
        f"Schema::table('{table}', function (Blueprint $table) {{ {column} }});",
        f"Schema::table('{table}', function (Blueprint $table) {{ $table->dropColumn('{name}'); }});",
    )


def drop_column(name: str, table: str = "users") -> str:
    """Write a migration that drops a column."""
    return migration(f"Schema::table('{table}', function (Blueprint $table) {{ $table->dropColumn('{name}'); }});")


def write(folder: Path, files: dict[str, str]) -> None:
    """Write files of an application by their paths."""
    for path, text in files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


def source_of(folder: Path, path: str) -> MigrationSource:
    """Give the file of a migration as it lies in an application's folder."""
    return MigrationSource(Path(path).stem, path, hashlib.sha256((folder / path).read_bytes()).hexdigest())


def replace_in(file: Path, old: str, new: str) -> None:
    """Replace a text that must be there."""
    text = file.read_text()
    assert old in text, (file, old)
    file.write_text(text.replace(old, new, 1))


async def commit(application: Application, files: dict[str, str], subject: str = "feat: next") -> str:
    """Commit files, with what else the author's clone holds, and push them; give the commit."""
    write(application.author, files)
    await git(application.author, "add", "--all")
    await git(application.author, "commit", "--quiet", "--allow-empty", "-m", subject)
    await git(application.author, "push", "--quiet", str(application.origin), "HEAD:main")
    return await git(application.author, "rev-parse", "HEAD")


async def pull(application: Application) -> None:
    """Bring the live checkout to the newest commit by hand."""
    await git(application.path, "pull", "--quiet")


def register(folder: Path, provider: str, body: str) -> None:
    """Add a service provider to an application.

    Args:
        folder: of the application.
        provider: name of its class.
        body: PHP statements that it runs.
    """
    text = f"""<?php
namespace App\\Providers;
class {provider} extends \\Illuminate\\Support\\ServiceProvider {{
    public function boot() {{ {body} }}
}}
"""
    write(folder, {f"app/Providers/{provider}.php": text})
    replace_in(
        folder / "config/app.php", _LAST_PROVIDER, f"{_LAST_PROVIDER}        App\\Providers\\{provider}::class,\n"
    )


def use_package(folder: Path) -> None:
    """Register the migrations of the package `acme/audit`, as its service provider does."""
    register(folder, "AuditProvider", f"$this->loadMigrationsFrom(base_path('{PACKAGE}/database/migrations'));")
