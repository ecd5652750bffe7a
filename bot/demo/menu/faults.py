"""Faults that can be injected in the demonstration. Each ends by itself, and all with the demonstration."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bot.demo.errors import DemoError
from bot.demo.host.database import DatabaseServer
from bot.demo.host.host import DemoHost
from bot.demo.host.tcp_proxy import TcpProxy
from bot.demo.processes.polling import until
from bot.demo.processes.served_bot import RESTART_SECONDS, ServedBot

SECONDS = 10
"""How long a trouble lasts."""
SERVICE = "php8.2-fpm"
"""The unit that is restarted after a deploy."""
_MIGRATE = "php artisan migrate --force"


class HostFaults:
    """Makes things go wrong, and right again.

    Args:
        host: the SSH server.
        line: what the bot reaches it through.
        database: the database server.
        checkout: the application's checkout, which serves the site.
        bot: the bot.
        report: reports a fault that could not be undone.
    """

    def __init__(
        self,
        host: DemoHost,
        line: TcpProxy,
        database: DatabaseServer,
        checkout: Path,
        bot: ServedBot,
        report: Callable[[str], None],
    ) -> None:
        self._host = host
        self._line = line
        self._database = database
        self._checkout = checkout
        self._bot = bot
        self._report = report
        self._lasting: dict[str, asyncio.Task[None]] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._lasting.values():
            task.cancel()
        await asyncio.gather(*self._lasting.values(), return_exceptions=True)

    async def kill_bot(self) -> str:
        """Kill the bot as `kill -9` does.

        Returns:
            What was done, as a sentence; so do the others.

        Raises:
            DemoError: there is nothing to do; so do the others.
        """
        pid = self._bot.kill()
        if not pid:
            raise DemoError("The bot is not there just now. Nothing was killed.")
        return f"The bot was killed (process {pid}). It comes back in about {RESTART_SECONDS + 1:.0f} seconds."

    async def hold_migration(self) -> str:
        """Let the next migration wait for `SECONDS` once it was started."""
        self._last("hold", self._hold(), "A hold is already waiting for the next migration.")
        return (
            f"The next migration will take {SECONDS} seconds longer. "
            "Start a deploy, approve it, and kill the bot while it migrates."
        )

    async def cut_ssh(self) -> str:
        """Break every SSH connection; new ones are accepted."""
        cut = self._line.reset()
        return f"{_connections(cut)} cut. What runs on the server goes on; the bot connects again."

    async def cut_ssh_for_long(self) -> str:
        """Break every SSH connection and refuse new ones for `SECONDS`."""
        self._last("ssh", self._refuse(), "SSH is already in trouble.")
        return f"SSH is cut, and refused for {SECONDS} seconds. What runs on the server goes on."

    async def freeze_ssh(self) -> str:
        """Carry nothing through SSH for `SECONDS`, without breaking anything."""
        self._last("ssh", self._freeze(), "SSH is already in trouble.")
        return f"SSH is frozen for {SECONDS} seconds: nothing arrives, and nothing says so."

    async def stop_database(self) -> str:
        """Stop the database server for `SECONDS`."""
        self._last("database", self._without_database(), "The database is already stopped.")
        return f"The database is stopped. It starts again in {SECONDS} seconds."

    async def fail_restart(self) -> str:
        """Let the service that serves the site refuse to restart, until `mend_restart`."""
        self._host.commands.fail_unit(SERVICE)
        return (
            f"{SERVICE} refuses to restart now. Take a commit with a migration and deploy it: the run fails late, with "
            "the new schema there. Mend it, and press Retry."
        )

    async def mend_restart(self) -> str:
        """Let it restart again."""
        self._host.commands.mend_unit(SERVICE)
        return f"{SERVICE} restarts again. Press Retry in the thread of the run that failed."

    def _last(self, name: str, work: Coroutine[Any, Any, None], busy: str) -> None:
        running = self._lasting.get(name)
        if running is not None and not running.done():
            work.close()
            raise DemoError(f"{busy} Nothing was changed.")
        self._lasting[name] = asyncio.create_task(self._to_the_end(work))

    async def _to_the_end(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except (DemoError, OSError) as error:
            self._report(str(error))

    async def _hold(self) -> None:
        commands = self._host.commands
        before = len(commands.ran(_MIGRATE, self._checkout))
        # a rehearsal on a copy runs the same words elsewhere, before the approval
        with commands.hold(_MIGRATE, self._checkout):
            await until(lambda: len(commands.ran(_MIGRATE, self._checkout)) > before)
            await asyncio.sleep(SECONDS)

    async def _refuse(self) -> None:
        await self._line.refuse()
        self._line.reset()
        try:
            await asyncio.sleep(SECONDS)
        finally:
            await self._line.heal()

    async def _freeze(self) -> None:
        self._line.freeze()
        try:
            await asyncio.sleep(SECONDS)
        finally:
            await self._line.heal()

    async def _without_database(self) -> None:
        await self._database.stop()
        await asyncio.sleep(SECONDS)
        await self._database.start()


def _connections(count: int) -> str:
    if count == 0:
        return "No SSH connection was open; none was"
    return "1 SSH connection was" if count == 1 else f"{count} SSH connections were"
