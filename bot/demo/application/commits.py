"""The commits that the demonstration's application can be given. Pure: number and kind in, message and files out."""

import enum
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

_STORY = datetime(2025, 11, 16, 7, 40, 3, tzinfo=UTC)
"""When the second commit's migration was made; later ones follow a day apart."""


class CommitKind(enum.Enum):
    """What a commit does to the application."""

    TOKEN_ID = "token-id"  # noqa: S105 - the name of a column
    """Adds `user_sessions.token_id`, nullable with an index: the demonstration's second commit."""
    SAFE = "safe"
    """Adds a nullable column to `users`."""
    SLOW = "slow"
    """Changes the type of `user_sessions.user_agent`, which rebuilds the table."""
    DESTRUCTIVE = "destructive"
    """Drops a column of `users`; deletes revoked sessions once no such column is left."""
    FAILING = "failing"
    """Its migration's first statement adds a column to `users`, its second fails (duplicate key, error 1062)."""
    UNIQUE = "unique"
    """Adds a column to `users`, then a unique index on their names, which data can break (error 1062)."""
    CODE_ONLY = "code-only"
    """Changes a view: no migration, no dependency, no asset."""
    ASSETS = "assets"
    """Changes the style sheet and a package of the build: assets must be built."""
    DEPENDENCIES = "dependencies"
    """Changes `composer.lock`."""
    SEVERAL = "several"
    """Adds a column to `users` in each of three migrations."""


@dataclass(frozen=True, slots=True)
class DemoCommit:
    """A commit to be made.

    Attributes:
        message: its message.
        when: its time.
        files: content of the files it writes, by path in the repository.
        migrations: names of the migrations it adds, without `.php`, in order.
        withdrawn: paths of files that it removes.
    """

    message: str
    when: datetime
    files: Mapping[str, str]
    migrations: tuple[str, ...] = ()
    withdrawn: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Present:
    """The application as it is before the commit.

    Attributes:
        commits: how many commits there are.
        files: content of the files that commits edit (`EDITED`), by path.
        earlier: how many commits of the same kind there are.
        failing: paths of migrations that cannot succeed, as `CommitKind.FAILING` makes them.
    """

    commits: int
    files: Mapping[str, str]
    earlier: int
    failing: tuple[str, ...] = ()


EDITED = (
    "composer.lock",
    "package.json",
    "package-lock.json",
    "resources/css/app.css",
    "resources/views/login.blade.php",
)
"""Files whose content must be passed to `next_commit`."""

_COLUMNS = ("locale", "timezone", "phone", "company", "city", "country", "birthday", "nickname", "website", "theme")
_FAILING = "_and_unique_user_to_sessions"
FAILING_MIGRATIONS = f"database/migrations/*{_FAILING}.php"
"""Pattern of the paths of migrations that cannot succeed."""
_LEGACY = ("fax", "pager", "telex")


def next_commit(kind: CommitKind, present: Present) -> DemoCommit:
    """Make up the next commit.

    Args:
        kind: what it shall do; any but `CommitKind.TOKEN_ID`, whose files are part of the application.
        present: the application before it.

    Returns:
        The commit. Its migrations sort after all earlier ones. Migrations that cannot succeed are withdrawn with it,
        as their authors would, so that the application can be deployed again.
    """
    return replace(_MAKERS[kind](present), withdrawn=present.failing)


def _time(present: Present, minute: int = 0) -> datetime:
    return _STORY + timedelta(days=present.commits, minutes=minute)


def _column(present: Present) -> str:
    turn, place = divmod(present.commits, len(_COLUMNS))
    return _COLUMNS[place] + (f"_{turn + 1}" if turn else "")


def _migration(when: datetime, name: str, up: str, down: str) -> tuple[str, str]:
    """Name and PHP text of a migration; `up` and `down` are statements, one a line."""
    title = "".join(word.capitalize() for word in name.split("_"))
    return f"{when:%Y_%m_%d_%H%M%S}_{name}", (
        "<?php\n\n"
        "use Illuminate\\Database\\Migrations\\Migration;\n"
        "use Illuminate\\Database\\Schema\\Blueprint;\n"
        "use Illuminate\\Support\\Facades\\DB;\n"
        "use Illuminate\\Support\\Facades\\Schema;\n\n"
        f"class {title} extends Migration\n{{\n"
        f"    public function up()\n    {{\n{_indented(up)}    }}\n\n"
        f"    public function down()\n    {{\n{_indented(down)}    }}\n}}\n"
    )


def _indented(statements: str) -> str:
    return "".join(f"        {line}\n" for line in statements.splitlines())


def _add(table: str, column: str, length: int = 190) -> str:
    return (
        f"Schema::table('{table}', function (Blueprint $table) {{\n"
        f"    $table->string('{column}', {length})->nullable();\n}});"
    )


def _drop(table: str, column: str) -> str:
    return f"Schema::table('{table}', function (Blueprint $table) {{\n    $table->dropColumn('{column}');\n}});"


def _with_migrations(message: str, when: datetime, *migrations: tuple[str, str]) -> DemoCommit:
    return DemoCommit(
        message,
        when,
        {f"database/migrations/{name}.php": text for name, text in migrations},
        tuple(name for name, _ in migrations),
    )


def _safe(present: Present) -> DemoCommit:
    column, when = _column(present), _time(present)
    migration = _migration(when, f"add_{column}_to_users_table", _add("users", column), _drop("users", column))
    return _with_migrations(f"feat(users): remember the {column.replace('_', ' ')}", when, migration)


def _slow(present: Present) -> DemoCommit:
    types = ("VARCHAR(500) NULL", "TEXT NULL")
    new = types[(present.earlier + 1) % 2]
    old = types[present.earlier % 2]
    when = _time(present)

    def change(to: str) -> str:
        return f"DB::statement('ALTER TABLE user_sessions MODIFY user_agent {to}');"

    name = f"change_user_agent_to_{new.split('(')[0].split()[0].lower()}_{present.commits}"
    return _with_migrations(
        "feat(sessions): keep whole user agents", when, _migration(when, name, change(new), change(old))
    )


def _destructive(present: Present) -> DemoCommit:
    when = _time(present)
    if present.earlier < len(_LEGACY):
        column = _LEGACY[present.earlier]
        migration = _migration(
            when, f"drop_{column}_from_users_table", _drop("users", column), _add("users", column, 40)
        )
        return _with_migrations(f"chore(users): forget the {column}", when, migration)
    delete = "DB::statement('DELETE FROM user_sessions WHERE revoked_at IS NOT NULL');"
    migration = _migration(
        when, f"delete_revoked_user_sessions_{present.commits}", delete, "// what was deleted is gone"
    )
    return _with_migrations("chore(sessions): delete what was revoked", when, migration)


def _failing(present: Present) -> DemoCommit:
    column, when = _column(present), _time(present)
    name = f"add_{column}{_FAILING}"
    up = _add("users", column) + (
        f"\nDB::statement('ALTER TABLE user_sessions ADD UNIQUE sessions_{column}_unique (user_id)');"
    )
    down = f"DB::statement('ALTER TABLE user_sessions DROP INDEX sessions_{column}_unique');\n" + _drop("users", column)
    return _with_migrations("feat(sessions): one session a user", when, _migration(when, name, up, down))


def _unique(present: Present) -> DemoCommit:
    column, when = _column(present), _time(present)
    index = f"users_name_{column}_unique"
    up = _add("users", column) + f"\nDB::statement('ALTER TABLE users ADD UNIQUE {index} (name)');"
    down = f"DB::statement('ALTER TABLE users DROP INDEX {index}');\n" + _drop("users", column)
    migration = _migration(when, f"add_{column}_and_unique_names_to_users", up, down)
    return _with_migrations("feat(users): no two of one name", when, migration)


def _several(present: Present) -> DemoCommit:
    column = _column(present)
    migrations = []
    for minute, part in enumerate(("home", "work", "other")):
        name = f"{part}_{column}"
        migrations.append(
            _migration(_time(present, minute), f"add_{name}_to_users_table", _add("users", name), _drop("users", name))
        )
    message = f"feat(users): a {column.replace('_', ' ')} for home, work and other"
    return _with_migrations(message, _time(present), *migrations)


def _code_only(present: Present) -> DemoCommit:
    path = "resources/views/login.blade.php"
    kept = [line for line in present.files[path].splitlines(keepends=True) if "<p>Édition " not in line]
    text = "".join(kept).replace("@endsection", f"    <p>Édition {present.commits}</p>\n@endsection")
    return DemoCommit("fix(login): say which edition this is", _time(present), {path: text})


def _assets(present: Present) -> DemoCommit:
    version = f"4.5.{present.commits}"
    package = json.loads(present.files["package.json"])
    package["devDependencies"]["vite"] = f"^{version}"
    lock = json.loads(present.files["package-lock.json"])
    lock["packages"][""]["devDependencies"]["vite"] = f"^{version}"
    lock["packages"]["node_modules/vite"]["version"] = version
    style = present.files["resources/css/app.css"] + f".edition-{present.commits} {{ color: rebeccapurple; }}\n"
    return DemoCommit(
        "style: a colour for the edition",
        _time(present),
        {"package.json": _json(package), "package-lock.json": _json(lock), "resources/css/app.css": style},
    )


def _dependencies(present: Present) -> DemoCommit:
    lock = json.loads(present.files["composer.lock"])
    for package in lock["packages"]:
        if package["name"] == "monolog/monolog":
            package["version"] = f"2.9.{present.commits}"
    lock["content-hash"] = f"{present.commits:032x}"
    return DemoCommit(f"build(deps): monolog 2.9.{present.commits}", _time(present), {"composer.lock": _json(lock)})


def _json(value: Any) -> str:
    return json.dumps(value, indent=4) + "\n"


_MAKERS: dict[CommitKind, Callable[[Present], DemoCommit]] = {
    CommitKind.SAFE: _safe,
    CommitKind.SLOW: _slow,
    CommitKind.DESTRUCTIVE: _destructive,
    CommitKind.FAILING: _failing,
    CommitKind.UNIQUE: _unique,
    CommitKind.CODE_ONLY: _code_only,
    CommitKind.ASSETS: _assets,
    CommitKind.DEPENDENCIES: _dependencies,
    CommitKind.SEVERAL: _several,
}
