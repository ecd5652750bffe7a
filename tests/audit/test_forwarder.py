"""The history is forwarded as it happens: at least once, in order, and masked."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bot.audit.destinations import FileDestination, ServerDestination, SocketDestination, destination_of
from bot.audit.forwarder import Forwarder, Lines
from bot.config.problems import ConfigurationError
from bot.config.settings import ForwardToFile, ForwardToServer, ForwardToSocket, settings_of
from bot.config.variables import read_variables
from bot.domain.runs.history import Entry
from bot.domain.secrets import Masker, Secret
from bot.store import SqlStore, open_store
from bot.store.leader_lease import LeaderLease
from tests.store.support.samples import AT
from tests.support.polling import eventually

MASKER = Masker((Secret("hunter22"),))
ROOT = Path(__file__).parents[2]


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite+aiosqlite:///{tmp_path}/store.db"


@asynccontextmanager
async def forwarding(store: SqlStore, to: object) -> AsyncIterator[Forwarder]:
    async with (
        LeaderLease(store, "forward") as cursor,
        Forwarder(store.history, cursor, Lines(to, MASKER), "a test") as forwarder,
    ):
        yield forwarder


async def happens(store: SqlStore, *events: str) -> None:
    for event in events:
        await store.history.append((Entry("R-1", event, "U0BOB", {"typed": "x hunter22"}),), AT)


def events(text: str) -> list[str]:
    return [json.loads(line[line.index("{") :])["event"] for line in text.splitlines()]


async def test_a_file_gets_what_was_there_and_what_comes(url: str, tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    async with open_store(url) as store:
        await happens(store, *(f"e{number}" for number in range(450)))
        async with forwarding(store, FileDestination(path)) as forwarder:
            await eventually(lambda: path.exists() and len(events(path.read_text())) == 450)
            await happens(store, "last")
            await eventually(lambda: events(path.read_text())[-1] == "last")
            assert await forwarder.behind() == 0
    assert events(path.read_text()) == [*(f"e{number}" for number in range(450)), "last"]
    assert "hunter22" not in path.read_text()
    assert path.stat().st_mode & 0o077 == 0


async def test_after_a_rotation_only_what_is_new_is_written(url: str, tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    async with open_store(url) as store, forwarding(store, FileDestination(path)):
        await happens(store, "one")
        await eventually(lambda: path.exists() and events(path.read_text()) == ["one"])
        path.rename(tmp_path / "audit.jsonl.1")
        await happens(store, "two")
        await eventually(lambda: path.exists() and events(path.read_text()) == ["two"])


async def test_a_file_that_cannot_be_written_waits_and_nothing_is_lost(url: str, tmp_path: Path) -> None:
    folder = tmp_path / "later"
    async with open_store(url) as store, forwarding(store, FileDestination(folder / "audit.jsonl")) as forwarder:
        await happens(store, "one", "two")
        assert await forwarder.behind() == 2
        folder.mkdir()
        await eventually(lambda: (folder / "audit.jsonl").exists())
        await eventually(lambda: events((folder / "audit.jsonl").read_text()) == ["one", "two"])


async def test_half_a_line_of_a_crash_spoils_no_other(url: str, tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    path.write_text('{"half')
    async with open_store(url) as store, forwarding(store, FileDestination(path)):
        await happens(store, "one")
        await eventually(lambda: path.read_text().count("\n") == 2)
    assert events(path.read_text().splitlines()[1]) == ["one"]


WRITER = """
import asyncio, sys
from pathlib import Path
from bot.audit.destinations import FileDestination
from bot.store import open_store
from tests.audit.test_forwarder import forwarding, happens

async def main(url, path, life):
    async with open_store(url) as store, forwarding(store, FileDestination(Path(path))):
        number = 0
        while True:
            number += 1
            await happens(store, f"{life}.{number}")
            print(f"{life}.{number}", flush=True)

asyncio.run(main(*sys.argv[1:]))
"""


async def test_no_record_is_lost_by_kill_9(url: str, tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    told: list[str] = []
    for life in range(3):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", WRITER, url, str(path), str(life), cwd=ROOT, stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        assert process.stdout is not None
        said = [(await process.stdout.readline()).decode().strip() for _ in range(60)]
        told += [line for line in said if line.startswith(f"{life}.")]
        process.kill()
        await process.wait()
    async with open_store(url) as store, forwarding(store, FileDestination(path)) as forwarder:
        await eventually(lambda: _is_zero(forwarder))
        history = [record.entry.event for record in await store.history.all()]
    forwarded = list(dict.fromkeys(events(path.read_text())))
    assert forwarded == history
    assert set(told) <= set(forwarded)


async def _is_zero(forwarder: Forwarder) -> bool:
    return await forwarder.behind() == 0


async def test_the_syslog_of_this_machine(url: str, tmp_path: Path) -> None:
    path = tmp_path / "log"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as syslog:
        syslog.bind(str(path))
        syslog.setblocking(False)
        loop = asyncio.get_running_loop()
        async with open_store(url) as store, forwarding(store, SocketDestination(path)):
            await happens(store, "one", "two")
            async with asyncio.timeout(20):
                got = [(await loop.sock_recv(syslog, 65536)).decode() for _ in range(2)]
    assert [events(each) for each in got] == [["one"], ["two"]]
    assert got[0].startswith(f"<109>countersign[{os.getpid()}]: {{")


async def test_a_syslog_server_that_breaks_off_gets_what_it_may_have_missed(url: str) -> None:
    got: list[str] = []
    writers: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        try:
            while True:
                count = int(await reader.readuntil(b" "))
                got.append((await reader.readexactly(count)).decode())
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with open_store(url) as store, forwarding(store, ServerDestination("127.0.0.1", port)):
            await happens(store, "one", "two")
            await eventually(lambda: len(got) == 2)
            head, _, message = got[0].partition("\ufeff")
            assert head.startswith("<109>1 ")
            assert head.split()[3:6] == ["countersign", str(os.getpid()), "history"]
            assert events(message) == ["one"]
            writers[0].close()
            await eventually(lambda: writers[0].is_closing())
            await happens(store, "three")
            await eventually(lambda: [events(each)[0] for each in got][-3:] == ["one", "two", "three"], 20)


@pytest.mark.parametrize(
    ("text", "meant", "kind"),
    [
        ("file:/var/log/a.jsonl", ForwardToFile(Path("/var/log/a.jsonl")), FileDestination),
        ("syslog:/dev/log", ForwardToSocket(Path("/dev/log")), SocketDestination),
        ("syslog://logs.example.com:601", ForwardToServer("logs.example.com", 601), ServerDestination),
        ("syslog://[::1]:601", ForwardToServer("::1", 601), ServerDestination),
    ],
)
def test_what_the_setting_says(text: str, meant: object, kind: type, tmp_path: Path) -> None:
    given = {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1", "AUDIT_FORWARD": text}
    found = settings_of(read_variables(tmp_path / ".env", given)).audit_forward
    assert found == meant
    assert str(found) == text
    assert isinstance(destination_of(found), kind)


@pytest.mark.parametrize(
    "text", ["file:audit.jsonl", "syslog://logs", "syslog:601", "udp://h:1", "/var/log/a", "file:"]
)
def test_what_the_setting_cannot_be(text: str, tmp_path: Path) -> None:
    given = {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1", "AUDIT_FORWARD": text}
    with pytest.raises(ConfigurationError, match="not a place for the history; file:/var/log"):
        settings_of(read_variables(tmp_path / ".env", given))
