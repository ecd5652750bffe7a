"""What stands around a deploy: an environment before production, windows, and an eye on it afterwards."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from bot.demo.application.application import BRANCH, Application
from bot.demo.errors import DemoError
from bot.demo.host.database import DatabaseServer
from bot.demo.operations import APP, ENVIRONMENT, write_operations
from bot.demo.processes.served_bot import ServedBot
from bot.demo.workspace import DEPLOY

STAGING = "staging"
_SITE, _DATABASE, _PASSWORD = "staging.compte.example.com", "compte_staging", "COMPTE_STAGING_DB_PASSWORD"
_DAY = "%a %H:%M"
_UNTIL_WINDOW, _WINDOW = timedelta(minutes=2), timedelta(hours=2)
_ANYBODYS = ("deploy", "rollback", "migrate-status")
_WATCHED, _ERRORS = "2m", 3


class AroundDeploys:
    """Adds what larger teams have, as an operator would: in `ops.yaml` and `.env`, and with a restart.

    Args:
        ops_file: that the bot reads.
        env_file: that the bot reads.
        bot: the bot.
        application: in production.
        server: the database server.
    """

    def __init__(
        self, ops_file: Path, env_file: Path, bot: ServedBot, application: Application, server: DatabaseServer
    ) -> None:
        self._file = ops_file
        self._env_file = env_file
        self._bot = bot
        self._application = application
        self._server = server
        self._one_at_a_time = asyncio.Lock()

    async def add_staging(self) -> str:
        """Install the application a second time, and let production take only what was verified there.

        Returns:
            What was done, as a sentence; so do the others.

        Raises:
            DemoError: the bot is not there to be restarted, or it was done already; so do the others.
        """
        async with self._one_at_a_time:
            content = self._content()
            environments = content["apps"][APP]["environments"]
            if STAGING in environments:
                raise DemoError("There is a staging environment already. Nothing was changed.")
            database = await self._server.create(_DATABASE)
            staging = await Application.beside(self._application, _SITE, database)
            live = environments[ENVIRONMENT]
            account = {"name": database.name, "user": database.user, "password": f"${{{_PASSWORD}}}"}
            environments[STAGING] = {
                "policy": STAGING,
                "hosts": live["hosts"],
                "path": str(staging.path),
                "branch": BRANCH,
                "database": {**live["database"], **account},
            }
            live["after"] = {"environment": STAGING, "within": "7d"}
            content["policies"][STAGING] = {"run": {key: ["anyone"] for key in _ANYBODYS}}
            with self._env_file.open("a", encoding="utf-8") as file:
                file.write(f"{_PASSWORD}={database.password}\n")
            self._write(content)
        return (
            "There is a staging environment now, and production comes `after` it. Type "
            f"{DEPLOY}: it is refused. Type {DEPLOY.replace(ENVIRONMENT, STAGING)}, and promote what it brought."
        )

    async def open_window(self) -> str:
        """Let production have a window that opens soon."""
        begin = (datetime.now(UTC) + _UNTIL_WINDOW).replace(second=0, microsecond=0)
        async with self._one_at_a_time:
            content = self._content()
            window = {"from": begin.strftime(_DAY), "to": (begin + _WINDOW).strftime(_DAY), "timezone": "UTC"}
            content["apps"][APP]["environments"][ENVIRONMENT]["windows"] = [window]
            self._write(content)
        return (
            f"Production has a window from {begin:%H:%M} UTC on. Type {DEPLOY} --at next-window and approve it: "
            "it waits until then."
        )

    async def watch(self) -> str:
        """Let the bot keep an eye on production after each deploy."""
        async with self._one_at_a_time:
            content = self._content()
            live = content["apps"][APP]["environments"][ENVIRONMENT]
            live["watch"] = {"for": _WATCHED, "log_errors": _ERRORS, "health": live["vars"]["health_url"]}
            self._write(content)
        return f"After each deploy the bot now watches the log and the login page for {_WATCHED}. Type {DEPLOY}."

    async def write_errors(self) -> str:
        """Write errors into the application's log, as code does that is wrong."""
        log = self._application.path / "storage" / "logs" / "laravel.log"
        count = _ERRORS + 2
        at = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")
        with log.open("a", encoding="utf-8") as file:
            for number in range(1, count + 1):
                file.write(f'[{at}] production.ERROR: Undefined array key "token_id" (user {number})\n')
        return f"The application's log has {count} new errors. Where a deploy is watched, people are called."

    def _content(self) -> dict[str, Any]:
        if not self._bot.running:
            raise DemoError("The bot is not there just now. ops.yaml is as it was.")
        content: dict[str, Any] = YAML(typ="safe").load(self._file)
        return content

    def _write(self, content: dict[str, Any]) -> None:
        write_operations(self._file, content)
        self._bot.stop()
