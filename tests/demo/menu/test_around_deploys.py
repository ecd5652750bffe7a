"""What the menu adds around a deploy: a staging environment, a window, a watch."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ruamel.yaml import YAML

from bot.demo.application.application import Application
from bot.demo.errors import DemoError
from bot.demo.host.database import DatabaseServer
from bot.demo.menu.around_deploys import AroundDeploys


@pytest.fixture
def around(tmp_path: Path, laravel_at_first: Application, mariadb: DatabaseServer) -> AroundDeploys:
    """Entries on an operations file with the production environment alone."""
    database = {"host": mariadb.host, "name": "x", "user": "x", "password": "x"}
    live = {"hosts": ["web1"], "path": str(laravel_at_first.path), "database": database, "vars": {"health_url": "u"}}
    content = {"policies": {}, "apps": {"compte": {"environments": {"production": live}}}}
    YAML().dump(content, tmp_path / "ops.yaml")
    (tmp_path / ".env").touch()
    bot: Any = SimpleNamespace(running=True, stop=lambda: None)
    return AroundDeploys(tmp_path / "ops.yaml", tmp_path / ".env", bot, laravel_at_first, mariadb)


def environments(folder: Path) -> Any:
    return YAML(typ="safe").load(folder / "ops.yaml")["apps"]["compte"]["environments"]


async def test_staging_is_installed_at_the_live_commit_and_production_comes_after_it(
    around: AroundDeploys, laravel_at_first: Application, tmp_path: Path, mariadb: DatabaseServer
) -> None:
    await around.add_staging()
    added = environments(tmp_path)["staging"]
    staging = Application(laravel_at_first.folder, laravel_at_first.database, {}, "staging.compte.example.com")
    assert added["path"] == str(staging.path) != str(laravel_at_first.path)
    assert await staging.head() == await laravel_at_first.head()
    assert await mariadb.query("SELECT COUNT(*) FROM migrations", database=added["database"]["name"]) != [(0,)]
    assert environments(tmp_path)["production"]["after"] == {"environment": "staging", "within": "7d"}
    assert (tmp_path / ".env").read_text().startswith(added["database"]["password"].strip("${}") + "=")
    with pytest.raises(DemoError, match="already"):
        await around.add_staging()


async def test_errors_are_as_many_as_the_watch_calls_for(
    around: AroundDeploys, laravel_at_first: Application, tmp_path: Path
) -> None:
    await around.watch()
    await around.write_errors()
    limit = environments(tmp_path)["production"]["watch"]["log_errors"]
    assert laravel_at_first.log.count("production.ERROR") > limit
