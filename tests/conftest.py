"""Fixtures for all tests; see `tests.support` for what they give."""

import contextlib
import gc
import itertools
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import hypothesis
import pytest
import pytest_asyncio

from bot.demo.application.application import Application
from bot.demo.application.commits import CommitKind
from bot.demo.host.database import DatabaseServer, DemoDatabase
from bot.demo.host.host import DemoHost
from bot.demo.host.tcp_proxy import TcpProxy
from bot.demo.host.web import WebServer
from bot.demo.processes.ports import Port
from bot.demo.processes.process import temporary_folder
from tests.support.sandboxes import own, share_templates
from tests.support.template import Template

# No test is timed: a machine that is busy elsewhere is not a defect.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")

_MEMORY = Path("/dev/shm")
_ROOM = 6 * 1024**3
"""Bytes that the suite needs at most, with much to spare."""


def _in_memory() -> bool:
    """Whether the tests' files can lie in memory, where a commit need not wait for a disk."""
    try:
        about = os.statvfs(_MEMORY)
    except OSError:
        return False
    return about.f_bavail * about.f_frsize >= _ROOM and not about.f_flag & os.ST_NOEXEC and os.access(_MEMORY, os.W_OK)


if "TMPDIR" not in os.environ and _in_memory():
    os.environ["TMPDIR"] = tempfile.tempdir = str(_MEMORY)

_numbers = itertools.count(1)

_LONG = ("tests/acceptance/", "tests/demo/")
"""Where tests take seconds each, and wait for most of them."""


_TEMPLATES = "COUNTERSIGN_TEST_TEMPLATES"


def pytest_configure(config: pytest.Config) -> None:
    """Make the folder of the templates that all workers share, and remove it when they have ended."""
    if not hasattr(config, "workerinput"):
        folder = tempfile.mkdtemp(prefix="cs-templates-")
        Path(folder).chmod(0o711)  # the other accounts' templates lie below
        os.environ[_TEMPLATES] = folder
        config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Give each worker its share of the long tests first, so that none of them is what all others wait for at the end.

    At first a worker gets one piece of the list; later, those who have none left take from the others' ends.
    """
    workers = getattr(config, "workerinput", {}).get("workercount", 1)
    long = [item for item in items if item.nodeid.startswith(_LONG)]
    short = [item for item in items if not item.nodeid.startswith(_LONG)]
    mixed = []
    for worker in range(workers):
        share = long[worker::workers]
        end = len(items) * (worker + 1) // workers - len(mixed) - len(share)
        mixed += [*share, *short[:end]]
        del short[:end]
    items[:] = [*mixed, *short]


def pytest_collection_finish() -> None:
    """Spare the garbage collector what stays to the end: thousands of tests, and all modules."""
    gc.freeze()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def servers_folder() -> AsyncIterator[Path]:
    """A short folder for servers (sockets allow no long ones), removed even if the tests are killed."""
    async with temporary_folder("cs-") as folder:
        yield folder


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def mariadb(servers_folder: Path) -> AsyncIterator[DatabaseServer]:
    folder = servers_folder / "mariadb"
    folder.mkdir()
    async with DatabaseServer(folder) as server:
        yield server


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def ssh_server(servers_folder: Path) -> AsyncIterator[DemoHost]:
    folder = servers_folder / "web1"
    folder.mkdir()
    async with DemoHost(folder) as host:
        yield host


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def laravel_template(servers_folder: Path, ssh_server: DemoHost, mariadb: DatabaseServer) -> Template:
    folder = servers_folder / "template"
    folder.mkdir()
    return await Template.make(folder, ssh_server, mariadb)


@pytest.fixture(scope="session")
def sandbox_templates() -> Callable[[int], Path]:
    """Where the templates of private servers lie, for each account and for all workers alike."""

    def of(uid: int) -> Path:
        folder = Path(os.environ[_TEMPLATES]) / str(uid)
        if not folder.exists():
            made = folder.with_name(f"{folder.name}.{os.getpid()}")
            made.mkdir(mode=0o700)
            own(uid, made)
            try:
                made.rename(folder)
            except OSError:
                made.rmdir()
        return folder

    return of


@pytest.fixture
async def database(mariadb: DatabaseServer) -> AsyncIterator[DemoDatabase]:
    made = await mariadb.create(f"compte_{next(_numbers)}")
    yield made
    await mariadb.drop(made)


@pytest.fixture
def ssh_host(ssh_server: DemoHost, sandbox_templates: Callable[[int], Path]) -> Iterator[DemoHost]:
    ssh_server.commands.forget()
    for left in ssh_server.home.iterdir():
        shutil.rmtree(left) if left.is_dir() and not left.is_symlink() else left.unlink()
    share_templates(ssh_server.home, sandbox_templates(os.geteuid()))
    yield ssh_server
    ssh_server.commands.forget()
    for pid in ssh_server.left_processes():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@pytest.fixture
async def new_host(
    servers_folder: Path, sandbox_templates: Callable[[int], Path]
) -> AsyncIterator[Callable[..., Awaitable[DemoHost]]]:
    async with contextlib.AsyncExitStack() as stack:

        async def make(**options: object) -> DemoHost:
            folder = servers_folder / f"host-{next(_numbers)}"
            folder.mkdir()
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
            host = await stack.enter_async_context(DemoHost(folder, **options))
            share_templates(host.home, sandbox_templates(os.geteuid()))
            return host

        yield make


@pytest.fixture
async def new_laravel(
    laravel_template: Template, ssh_host: DemoHost, mariadb: DatabaseServer
) -> AsyncIterator[Callable[..., Awaitable[Application]]]:
    async with contextlib.AsyncExitStack() as stack:

        async def make(host: DemoHost = ssh_host) -> Application:
            number = next(_numbers)
            database = await mariadb.create(f"compte_{number}")
            stack.push_async_callback(mariadb.drop, database)
            folder = host.folder / "apps" / str(number)
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
            return await laravel_template.copy(folder, host, database, mariadb)

        yield make


@pytest.fixture
async def laravel_at_first(new_laravel: Callable[..., Awaitable[Application]]) -> Application:
    return await new_laravel()


@pytest.fixture
async def laravel(laravel_at_first: Application) -> Application:
    await laravel_at_first.next_commit(CommitKind.TOKEN_ID)
    return laravel_at_first


@pytest.fixture
async def web(laravel_at_first: Application) -> AsyncIterator[WebServer]:
    async with WebServer(laravel_at_first.path, laravel_at_first.folder / "web.log") as server:
        yield server


@pytest.fixture
async def new_wire() -> AsyncIterator[Callable[[int], Awaitable[TcpProxy]]]:
    async with contextlib.AsyncExitStack() as stack:

        async def make(port: int) -> TcpProxy:
            return await stack.enter_async_context(TcpProxy(port))

        yield make


@pytest.fixture
async def wire(ssh_host: DemoHost, new_wire: Callable[[int], Awaitable[TcpProxy]]) -> TcpProxy:
    made = await new_wire(ssh_host.port)
    ssh_host.trust(made.port)
    return made


@pytest.fixture
def free_port() -> Iterator[int]:
    with Port() as port:
        yield port.number
