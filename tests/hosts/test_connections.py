"""Connections: reused, checked, made again, and every failure with its reason."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import asyncssh
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.demo.host.host import DemoHost
from bot.demo.host.tcp_proxy import TcpProxy
from bot.demo.processes.process import temporary_folder
from bot.domain.errors import Problem, Reason, RefusedError
from bot.domain.shell import Command, Syntax, Word, command, syntax
from bot.domain.targets.target import Host
from bot.hosts.connections import Connections, ConnectionSettings
from tests.hosts.support.jobs import QUICK, host_of, until


async def refusal(host: Host, *others: Host) -> Problem:
    hosts = {each.name: each for each in (host, *others)}
    async with Connections(hosts, QUICK) as connections:
        with pytest.raises(RefusedError) as caught:
            await connections.read(host.name, syntax("true"), 20)
    return caught.value.problem


async def test_a_read_gives_status_and_both_streams(connections: Connections) -> None:
    answer = await connections.read("web1", syntax("echo out; echo err >&2; exit 3"), 10)
    assert (answer.exit_status, answer.stdout, answer.stderr) == (3, b"out\n", b"err\n")


async def test_a_read_has_an_empty_standard_input(connections: Connections) -> None:
    answer = await connections.read("web1", syntax("cat; echo end"), 10)
    assert (answer.exit_status, answer.stdout) == (0, b"end\n")


async def test_a_read_keeps_no_more_than_asked(connections: Connections) -> None:
    answer = await connections.read("web1", syntax("yes | head -c 3000000"), 20, limit=1000)
    assert (answer.exit_status, len(answer.stdout), answer.truncated) == (0, 1000, True)


async def test_a_read_that_takes_too_long_is_unknown(connections: Connections) -> None:
    answer = await connections.read("web1", syntax("sleep 30"), 0.5)
    assert answer.exit_status is None


async def test_the_command_of_a_read_shows_in_no_list_of_processes(connections: Connections) -> None:
    looking = Command((Syntax("cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' '; : "), Word("needle-5c2a91")))
    answer = await connections.read("web1", looking, 20)
    assert answer.exit_status == 0
    assert answer.stdout
    assert b"needle-5c2a91" not in answer.stdout


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0")), min_size=1, max_size=5))
def test_any_word_reaches_the_program_byte_for_byte(echoing: Echo, texts: list[str]) -> None:
    assert echoing(texts) == b"".join(text.encode() + b"\0" for text in texts)


class Echo:
    """Prints words on a real host, over one connection in an event loop of its own."""

    def __init__(self, runner: asyncio.Runner, connections: Connections) -> None:
        self._runner = runner
        self._connections = connections

    def __call__(self, texts: list[str]) -> bytes:
        answer = self._runner.run(self._connections.read("web1", command("printf", "%s\\0", *texts), 20))
        assert answer.exit_status == 0, answer
        return answer.stdout


@pytest.fixture
def echoing():
    with asyncio.Runner() as runner:
        folder = temporary_folder()
        server = DemoHost(runner.run(folder.__aenter__()), recorded=())
        runner.run(server.__aenter__())
        connections = Connections({"web1": host_of(server)}, QUICK)
        yield Echo(runner, connections)
        runner.run(connections.__aexit__(None, None, None))
        runner.run(server.__aexit__(None, None, None))
        runner.run(folder.__aexit__(None, None, None))


async def test_one_connection_serves_many_reads(wired: Connections, wire: TcpProxy) -> None:
    for _ in range(5):
        assert (await wired.read("web1", syntax("true"), 10)).exit_status == 0
    assert wire.accepted == 1


async def test_sixty_reads_at_once_all_succeed_on_few_connections(wired: Connections, wire: TcpProxy) -> None:
    answers = await asyncio.gather(*(wired.read("web1", syntax(f"echo {n}; sleep 0.05"), 60) for n in range(60)))
    assert [answer.stdout for answer in answers] == [f"{n}\n".encode() for n in range(60)]
    assert wire.accepted <= 6


async def test_a_host_that_allows_few_sessions_is_served_all_the_same() -> None:
    async with temporary_folder() as folder, DemoHost(folder, recorded=(), settings=("MaxSessions 2",)) as server:
        one = replace(QUICK, connections=1)
        async with Connections({"web1": host_of(server)}, one) as connections:
            answers = await asyncio.gather(*(connections.read("web1", syntax(f"echo {n}"), 60) for n in range(20)))
    assert [answer.stdout for answer in answers] == [f"{n}\n".encode() for n in range(20)]


@pytest.mark.parametrize("cut", ["reset", "finish"])
async def test_a_cut_connection_is_made_again(wired: Connections, wire: TcpProxy, cut: str) -> None:
    assert (await wired.read("web1", syntax("true"), 10)).exit_status == 0
    getattr(wire, cut)()
    assert (await wired.read("web1", syntax("true"), 10)).exit_status == 0
    assert wire.accepted == 2


@pytest.mark.parametrize("cut", ["reset", "finish"])
async def test_a_cut_in_the_middle_of_a_read_is_unknown_never_success(
    wired: Connections, wire: TcpProxy, cut: str, tmp_path: Path
) -> None:
    reading = asyncio.create_task(wired.read("web1", syntax(f"touch {tmp_path}/on; sleep 3"), 20))
    await until((tmp_path / "on").exists)
    getattr(wire, cut)()
    assert (await reading).exit_status is None


async def test_a_frozen_connection_is_found_dead(wired: Connections, wire: TcpProxy, tmp_path: Path) -> None:
    reading = asyncio.create_task(wired.read("web1", syntax(f"touch {tmp_path}/on; sleep 60"), 60))
    await until((tmp_path / "on").exists)
    assert (await wired.read("web1", syntax("true"), 10)).exit_status == 0
    wire.freeze()
    async with asyncio.timeout(20):
        assert (await reading).exit_status is None
    await wire.heal()
    assert (await wired.read("web1", syntax("true"), 10)).exit_status == 0


async def test_a_port_on_which_nobody_listens(server: DemoHost, wire: TcpProxy) -> None:
    await wire.refuse()
    found = await refusal(host_of(server, port=wire.port))
    assert found.reason is Reason.HOST_UNREACHABLE
    assert (found.facts["host"], found.facts["port"]) == ("web1", str(wire.port))


async def test_a_name_that_does_not_exist(server: DemoHost) -> None:
    found = await refusal(replace(host_of(server), address="no-such-host.invalid"))
    assert found.reason is Reason.HOST_UNREACHABLE
    assert found.facts["address"] == "no-such-host.invalid"


async def test_a_host_that_says_nothing(server: DemoHost, wire: TcpProxy) -> None:
    wire.freeze()
    async with Connections(
        {"web1": host_of(server, port=wire.port)}, ConnectionSettings(connect_timeout=0.5)
    ) as connections:
        with pytest.raises(RefusedError) as caught:
            await connections.read("web1", syntax("true"), 20)
    assert caught.value.problem.reason is Reason.HOST_UNREACHABLE


async def test_a_host_that_is_not_in_the_operations_file(connections: Connections) -> None:
    with pytest.raises(RefusedError) as caught:
        await connections.read("web9", syntax("true"), 5)
    assert caught.value.problem.reason is Reason.HOST_UNREACHABLE


async def test_a_changed_host_key(server: DemoHost) -> None:
    await server.change_key()
    found = await refusal(host_of(server))
    assert found.reason is Reason.HOST_KEY_CHANGED
    assert (found.facts["known"], found.facts["known_hosts"]) == ("yes", str(server.known_hosts))


async def test_a_host_that_is_in_no_known_hosts_file(server: DemoHost, tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("")
    for known_hosts in (tmp_path / "empty", tmp_path / "missing"):
        found = await refusal(replace(host_of(server), known_hosts=str(known_hosts)))
        assert found.reason is Reason.HOST_KEY_CHANGED
        assert found.facts["known"] == "no"


async def test_without_a_path_the_users_known_hosts_are_read_never_none(
    server: DemoHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    host = replace(host_of(server), known_hosts=None)
    assert (await refusal(host)).reason is Reason.HOST_KEY_CHANGED
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh" / "known_hosts").write_text(server.known_hosts.read_text())
    async with Connections({"web1": host}, QUICK) as connections:
        assert (await connections.read("web1", syntax("true"), 10)).exit_status == 0


async def test_a_key_that_the_host_does_not_accept(server: DemoHost, tmp_path: Path) -> None:
    asyncssh.generate_private_key("ssh-ed25519").write_private_key(str(tmp_path / "other"))
    found = await refusal(replace(host_of(server), key=str(tmp_path / "other")))
    assert found.reason is Reason.HOST_LOGIN_REFUSED
    assert found.facts["user"] == server.user


async def test_a_key_that_cannot_be_read(server: DemoHost, tmp_path: Path) -> None:
    (tmp_path / "broken").write_text("not a key\n")
    for key in (tmp_path / "broken", tmp_path / "missing"):
        found = await refusal(replace(host_of(server), key=str(key)))
        assert found.reason is Reason.HOST_LOGIN_REFUSED
        assert str(key) in found.facts["detail"]


async def test_a_jump_goes_through_the_other_host_with_keys_of_its_own(server: DemoHost, wire: TcpProxy) -> None:
    bastion = host_of(server, "bastion", wire.port)
    behind = replace(host_of(server), jump="bastion")
    async with Connections({"web1": behind, "bastion": bastion}, QUICK) as connections:
        assert (await connections.read("web1", syntax("true"), 10)).exit_status == 0
        assert wire.accepted == 1
        wire.reset()
        assert (await connections.read("web1", syntax("true"), 10)).exit_status == 0


async def test_a_jump_with_a_changed_key_is_named(server: DemoHost, wire: TcpProxy, tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("")
    bastion = replace(host_of(server, "bastion", wire.port), known_hosts=str(tmp_path / "empty"))
    found = await refusal(replace(host_of(server), jump="bastion"), bastion)
    assert (found.reason, found.facts["host"]) == (Reason.HOST_KEY_CHANGED, "bastion")


async def test_jumps_that_lead_in_a_circle(server: DemoHost) -> None:
    one, two = replace(host_of(server, "one"), jump="two"), replace(host_of(server, "two"), jump="one")
    async with asyncio.timeout(5):
        found = await refusal(one, two)
    assert "lead back" in found.facts["detail"]


async def test_closing_leaves_no_connection(server: DemoHost, wire: TcpProxy) -> None:
    async with Connections({"web1": host_of(server, port=wire.port)}, QUICK) as connections:
        await connections.read("web1", syntax("true"), 10)
        assert wire.live == 1
    await until(lambda: wire.live == 0)


async def test_closing_a_frozen_connection_does_not_hang(server: DemoHost, wire: TcpProxy) -> None:
    async with asyncio.timeout(15):
        async with Connections({"web1": host_of(server, port=wire.port)}) as connections:
            await connections.read("web1", syntax("true"), 10)
            wire.freeze()
