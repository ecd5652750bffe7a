"""The demonstration's environment: everything a deploy needs, on loopback, in one folder, owned by one context."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from bot.demo.application.application import Application
from bot.demo.application.commits import CommitKind
from bot.demo.forge import DemoForge
from bot.demo.host.database import DatabaseServer
from bot.demo.host.host import DemoHost
from bot.demo.host.tcp_proxy import TcpProxy
from bot.demo.host.web import WebServer
from bot.demo.menu.around_deploys import AroundDeploys
from bot.demo.menu.backup_time import BackupTime, far_off
from bot.demo.menu.controller import Controller
from bot.demo.menu.faults import HostFaults
from bot.demo.menu.menu import entries
from bot.demo.menu.signatures import Signatures
from bot.demo.operations import environment, operations, write_environment, write_operations
from bot.demo.people import PeopleKeys
from bot.demo.processes.ports import Port
from bot.demo.processes.process import temporary_folder
from bot.demo.processes.python_module import PythonModule
from bot.demo.processes.served_bot import ServedBot
from bot.demo.receiver import DemoReceiver
from bot.demo.workspace import write_workspace

USERS, SESSIONS = 2_000, 5_000


class ProgressReporter(Protocol):
    """Reports progress to people."""

    def started(self, what: str, where: str) -> None:
        """Report that a part has started.

        Args:
            what: its name.
            where: its address, or what it is made of.
        """

    def notice(self, sentence: str) -> None:
        """Report something that nobody asked for at the console.

        Args:
            sentence: what.
        """


@dataclass(frozen=True)
class DemoEnvironment:
    """Everything of the demonstration while it runs.

    Attributes:
        folder: everything lies below it.
        url: the playground's page, ending in `/`.
        host: the SSH server.
        database: the database server.
        application: the application on the host.
        web: the application's web server.
        playground: the workspace, a process of its own.
        bot: the real bot, a process of its own.
        host_faults: the faults that can be injected.
        keys: of the people.
    """

    folder: Path
    url: str
    host: DemoHost
    database: DatabaseServer
    application: Application
    web: WebServer
    playground: PythonModule
    bot: ServedBot
    host_faults: HostFaults
    keys: PeopleKeys


@asynccontextmanager
async def set_up(port: int, reporter: ProgressReporter) -> AsyncIterator[DemoEnvironment]:
    """Start everything, and stop it at the end of the block, even if this process is killed.

    Args:
        port: the port of the playground's page; 0 takes a free one.
        reporter: reports each part.

    Raises:
        DemoError: the port is in use, or a part did not start.
    """
    async with AsyncExitStack() as stack:
        page = stack.enter_context(Port(port))
        folder = await stack.enter_async_context(temporary_folder())
        for name in ("web1", "db", "bot", "playground"):
            (folder / name).mkdir(mode=0o700)

        host = await stack.enter_async_context(DemoHost(folder / "web1"))
        line = await stack.enter_async_context(TcpProxy(host.port))
        host.trust(line.port)
        reporter.started("SSH server", f"{line.address}:{line.port}, with keys of its own")

        database = await stack.enter_async_context(DatabaseServer(folder / "db"))
        reporter.started("Database", f"{database.host}:{database.port}, {database.programs.vendor}")

        application = await _application(host, database)
        reporter.started("Application", f"Laravel, {USERS:,} users, {SESSIONS:,} sessions; one commit is waiting")

        web = await stack.enter_async_context(WebServer(application.path, folder / "web.log"))
        reporter.started("Web server", web.health_url)

        ops_file, env_file = folder / "bot" / "ops.yaml", folder / "bot" / ".env"
        scheduled = far_off(datetime.now(UTC))
        forge = await stack.enter_async_context(DemoForge())
        reporter.started("Forge", f"{forge.repository}, with one check that is green")
        receiver = await stack.enter_async_context(DemoReceiver())
        reporter.started("Receiver", f"{receiver.url}, which is told what happens")
        content = operations(host, application, line.port, web.health_url, scheduled, forge.repository, receiver.url)
        keys = PeopleKeys(folder / "people")
        write_operations(ops_file, {**content, "signers": keys.signers})
        language = os.environ.get("BOT_LANGUAGE") or "en"
        api_url = f"http://127.0.0.1:{page.number}/api/"
        variables = environment(folder / "bot", ops_file, api_url, application, language, receiver.secret)
        write_environment(env_file, variables)
        bot = ServedBot(folder / "bot", env_file, reporter.notice)

        host_faults = await stack.enter_async_context(
            HostFaults(host, line, database, application.path, bot, reporter.notice)
        )
        signatures = Signatures(ops_file, bot, keys, f"http://127.0.0.1:{page.number}/")
        nightly = BackupTime(ops_file, bot)
        around = AroundDeploys(ops_file, env_file, bot, application, database)
        controller = await stack.enter_async_context(
            Controller(entries(application, database, host_faults, nightly, forge, receiver, signatures, around))
        )
        playground = _playground(folder / "playground", page.number, controller.url, language)
        stack.push_async_callback(playground.end)
        url = str(json.loads(await playground.start())["url"])
        reporter.started("Playground", "a workspace like Slack’s, in the browser")

        await stack.enter_async_context(bot)
        reporter.started("Bot", "countersign serve, as in production")
        yield DemoEnvironment(folder, url, host, database, application, web, playground, bot, host_faults, keys)


PRIVILEGES = {
    "MariaDB": ("PROCESS ON *.*", "SELECT ON mysql.proc"),
    "MySQL": ("PROCESS ON *.*", "SHOW_ROUTINE ON *.*"),
}
"""Of the database's account on the whole server, by its vendor: as `docs/setup.md` grants it."""


async def _application(host: DemoHost, server: DatabaseServer) -> Application:
    """Make the application at its first commit, the second waiting; the command log begins with the first deploy."""
    database = await server.create("compte")
    for privilege in PRIVILEGES[server.programs.vendor]:
        await server.query(f"GRANT {privilege} TO `{database.user}`@`%`")
    application = await Application.create(
        host.folder, database, server, host.environment, users=USERS, sessions=SESSIONS
    )
    await application.next_commit(CommitKind.TOKEN_ID)
    host.commands.forget()
    return application


def _playground(folder: Path, port: int, actions_url: str, language: str) -> PythonModule:
    file = folder / "workspace.json"
    write_workspace(file, language)
    words = ("--port", str(port), "--workspace", str(file), "--actions-url", actions_url)
    return PythonModule(
        ("bot.playground", *words), folder / "playground.log", folder, lambda line: line.startswith('{"event": "ready"')
    )
