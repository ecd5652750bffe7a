"""What happens to a step when the connection, the bot, the host or the runner fails in its middle."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from bot.demo.host.host import DemoHost
from bot.demo.host.tcp_proxy import TcpProxy
from bot.domain.errors import Reason
from bot.domain.shell import syntax
from bot.engine.ports import Done, Ending, Failed, NotStarted, Unknown
from bot.hosts.connections import Connections
from bot.hosts.runner import RetryLimits, Runner, ShellPerformer
from tests.hosts.support.jobs import QUICK, Kept, a_job, a_run, host_of, until

COUNTING = "echo ran >>{ledger}; for i in $(seq 1 30); do echo line $i; sleep 0.1; done"
COUNTED = "".join(f"line {n}\n" for n in range(1, 31)).encode()


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (OSError, IndexError):
        return False


@pytest.mark.parametrize("cut", ["reset", "finish", "freeze"])
async def test_a_cut_in_mid_step_changes_neither_outcome_nor_output(
    wired: Connections, wire: TcpProxy, tmp_path: Path, cut: str
) -> None:
    ledger, output = tmp_path / "ledger", Kept()
    performer = ShellPerformer(Runner(wired))
    going = asyncio.create_task(performer.perform(a_job(COUNTING.format(ledger=ledger), run=a_run()), output))
    await output.contains(b"line 4\n")
    if cut == "freeze":
        wire.freeze()
        await asyncio.sleep(1.5)
        await wire.heal()
    else:
        getattr(wire, cut)()
        await output.contains(b"line 12\n")
        getattr(wire, cut)()
    assert await going == Done()
    assert bytes(output.data) == COUNTED
    assert ledger.read_text() == "ran\n"
    assert output.contact[-1] == "there"
    assert output.contact.count("lost") == 2 or cut == "freeze"


async def test_a_host_that_refuses_for_a_while_is_waited_for(
    wired: Connections, wire: TcpProxy, tmp_path: Path
) -> None:
    output = Kept()
    performer = ShellPerformer(Runner(wired))
    job = a_job(COUNTING.format(ledger=tmp_path / "ledger"), run=a_run())
    going = asyncio.create_task(performer.perform(job, output))
    await output.contains(b"line 2\n")
    await wire.refuse()
    wire.reset()
    await until(lambda: output.contact == ["there", "lost"])
    await wire.heal()
    assert await going == Done()
    assert bytes(output.data) == COUNTED
    assert output.contact == ["there", "lost", "there"]


async def test_cuts_at_many_moments_of_a_start_never_run_it_twice(
    server: DemoHost, wire: TcpProxy, tmp_path: Path
) -> None:
    ledger, run = tmp_path / "ledger", a_run()
    for number in range(25):
        async with Connections({"web1": host_of(server, port=wire.port)}, QUICK) as connections:
            await connections.read("web1", syntax("true"), 10)
            performer = ShellPerformer(Runner(connections))
            job = a_job(f"echo {number} >>{ledger}", run=run, key=f"k{number}")
            going = asyncio.create_task(performer.perform(job, Kept()))
            await asyncio.sleep(number * 0.003)
            wire.reset()
            outcome = await going
        ran = ledger.read_text().split().count(str(number)) if ledger.exists() else 0
        assert ran <= 1
        assert isinstance(outcome, Done | NotStarted)
        assert ran == isinstance(outcome, Done)


async def test_a_cancelled_bot_leaves_the_step_running_and_a_new_one_resumes_it(
    server: DemoHost, tmp_path: Path
) -> None:
    ledger = tmp_path / "ledger"
    job = a_job(COUNTING.format(ledger=ledger), run=a_run())
    first, second = Kept(), Kept()
    async with Connections({"web1": host_of(server)}, QUICK) as connections:
        going = asyncio.create_task(ShellPerformer(Runner(connections)).perform(job, first))
        await first.contains(b"line 5\n")
        going.cancel()
        with pytest.raises(asyncio.CancelledError):
            await going
    async with Connections({"web1": host_of(server)}, QUICK) as connections:
        assert await ShellPerformer(Runner(connections)).resume(job, second) == Done()
    assert bytes(second.data) == COUNTED
    assert ledger.read_text() == "ran\n"


async def test_output_goes_on_from_the_byte_that_was_asked_for(performer: ShellPerformer) -> None:
    run = a_run()
    assert await performer.perform(a_job("printf 0123456789", run=run), Kept()) == Done()
    for offset in (1, 5, 9, 10):
        taken: list[tuple[int, bytes]] = []

        class Rest(Kept):
            async def write(self, offset: int, chunk: bytes) -> None:
                taken.append((offset, chunk))  # noqa: B023 - used within this turn of the loop

        assert await performer.resume(a_job("", run=run, offset=offset), Rest()) == Done()
        assert taken == ([(offset, b"0123456789"[offset:])] if offset < 10 else [])


async def test_a_journal_that_is_gone_is_unknown(performer: ShellPerformer) -> None:
    outcome = await performer.resume(a_job("true", run=a_run()), Kept())
    assert isinstance(outcome, Unknown)
    assert outcome.problem.reason is Reason.OUTCOME_UNKNOWN


def supervisor(folder: Path) -> int:
    return int((folder / "started").read_text().split()[1])


def command_of(folder: Path) -> int:
    return int((folder / "group").read_text().split()[0])


async def test_a_killed_runner_leaves_the_outcome_unknown_once_the_command_has_ended(
    performer: ShellPerformer, journal: Path, tmp_path: Path
) -> None:
    output, run = Kept(), a_run()
    job = a_job(f"echo on; while [ ! -e {tmp_path}/go ]; do sleep 0.05; done; echo off", run=run)
    going = asyncio.create_task(performer.perform(job, output))
    await output.contains(b"on\n")
    os.kill(supervisor(journal / f"{run}@web1" / "step.1"), signal.SIGKILL)
    await asyncio.sleep(0.5)
    assert not going.done(), "the command still runs; nothing may be decided"
    (tmp_path / "go").touch()
    outcome = await going
    assert isinstance(outcome, Unknown)
    assert outcome.problem.reason is Reason.OUTCOME_UNKNOWN
    assert bytes(output.data) == b"on\noff\n"


async def test_a_killed_runner_does_not_free_the_command_from_its_time_limit(
    performer: ShellPerformer, journal: Path
) -> None:
    output, run = Kept(), a_run()
    going = asyncio.create_task(performer.perform(a_job("echo on; sleep 300", run=run, timeout=2), output))
    await output.contains(b"on\n")
    folder = journal / f"{run}@web1" / "step.1"
    os.kill(supervisor(folder), signal.SIGKILL)
    assert isinstance(await going, Unknown)
    assert not lives(command_of(folder))


async def test_a_killed_command_is_a_failure_with_its_status(performer: ShellPerformer, journal: Path) -> None:
    output, run = Kept(), a_run()
    going = asyncio.create_task(performer.perform(a_job("echo on; exec sleep 300", run=run), output))
    await output.contains(b"on\n")
    os.kill(command_of(journal / f"{run}@web1" / "step.1"), signal.SIGKILL)
    outcome = await going
    assert isinstance(outcome, Failed)
    assert outcome.exit_status == 128 + signal.SIGKILL


async def test_a_reboot_in_mid_step_is_unknown(server: DemoHost, connections: Connections, journal: Path) -> None:
    output, run = Kept(), a_run()
    performer = ShellPerformer(Runner(connections))
    going = asyncio.create_task(performer.perform(a_job("echo on; sleep 300", run=run), output))
    await output.contains(b"on\n")
    await server.stop()
    started = journal / f"{run}@web1" / "step.1" / "started"
    started.write_text("another-boot " + started.read_text().split(" ", 1)[1])
    await server.start()
    outcome = await going
    assert isinstance(outcome, Unknown)
    assert outcome.problem.reason is Reason.OUTCOME_UNKNOWN


async def test_after_a_reboot_a_process_with_the_same_ids_is_another(performer: ShellPerformer, journal: Path) -> None:
    output, run = Kept(), a_run()
    going = asyncio.create_task(performer.perform(a_job("echo on; sleep 20", run=run), output))
    await output.contains(b"on\n")
    folder = journal / f"{run}@web1" / "step.1"
    started = folder / "started"
    same_process = supervisor(folder)
    started.write_text("another-boot " + started.read_text().split(" ", 1)[1])
    async with asyncio.timeout(10):
        assert isinstance(await going, Unknown)
    assert lives(same_process)


async def test_a_process_id_that_was_given_away_is_not_taken_for_the_step(
    performer: ShellPerformer, journal: Path
) -> None:
    run = a_run()
    assert await performer.perform(a_job("true", run=run), Kept()) == Done()
    folder = journal / f"{run}@web1" / "step.1"
    (folder / "status").unlink()
    boot, _, _, uptime = (folder / "started").read_text().split()
    other = await asyncio.create_subprocess_exec("sleep", "60", start_new_session=True)
    (folder / "started").write_text(f"{boot} {other.pid} 1 {uptime}\n")
    (folder / "group").write_text(f"{other.pid} 1 {other.pid}\n")
    try:
        async with asyncio.timeout(10):
            assert isinstance(await performer.resume(a_job("", run=run), Kept()), Unknown)
            assert await performer.end(a_job("", run=run)) is Ending.GONE
        assert lives(other.pid)
    finally:
        other.kill()
        await other.wait()


async def test_a_start_that_was_given_up_meanwhile_does_not_run(
    server: DemoHost, performer: ShellPerformer, tmp_path: Path
) -> None:
    mkdir = server.commands.bin / "mkdir"
    mkdir.write_text('#!/bin/sh\n/bin/mkdir "$@" || exit\ncase $1 in */step.1) echo void >"$1/started" ;; esac\n')
    mkdir.chmod(0o755)
    outcome = await performer.perform(a_job(f"touch {tmp_path}/ran", run=a_run()), Kept())
    assert isinstance(outcome, NotStarted)
    assert outcome.problem.reason is Reason.NEVER_STARTED
    await until(lambda: not [pid for pid in server.left_processes() if lives(pid)])
    assert not (tmp_path / "ran").exists()


async def test_a_claim_that_nobody_followed_never_ran(performer: ShellPerformer, journal: Path) -> None:
    run = a_run()
    (journal / f"{run}@web1" / ".tokens").mkdir(parents=True)
    (journal / f"{run}@web1" / "step.1").mkdir()
    (journal / f"{run}@web1" / "step.1" / "log").touch()
    for way in (performer.resume, performer.perform):
        outcome = await way(a_job("true", run=run), Kept())
        assert isinstance(outcome, NotStarted)
        assert outcome.problem.reason is Reason.NEVER_STARTED
    assert (journal / f"{run}@web1" / "step.1" / "started").read_text() == "void\n"


async def test_a_lower_token_is_refused_and_a_higher_one_followed(performer: ShellPerformer, tmp_path: Path) -> None:
    run, ledger = a_run(), tmp_path / "ledger"
    assert await performer.perform(a_job("true", run=run, token=5), Kept()) == Done()
    outcome = await performer.perform(a_job(f"echo ran >>{ledger}", run=run, token=4, key="late"), Kept())
    assert isinstance(outcome, NotStarted)
    assert outcome.problem.reason is Reason.OVERTAKEN
    assert outcome.problem.facts["highest"] == "5"
    assert not ledger.exists()
    assert await performer.perform(a_job("true", run=run, token=10, key="next"), Kept()) == Done()
    outcome = await performer.perform(a_job("true", run=run, token=9, key="other"), Kept())
    assert isinstance(outcome, NotStarted)


async def test_a_host_that_cannot_be_reached_is_not_started(server: DemoHost, wire: TcpProxy) -> None:
    await wire.refuse()
    async with Connections({"web1": host_of(server, port=wire.port)}, QUICK) as connections:
        performer = ShellPerformer(Runner(connections, RetryLimits(before=0.5)))
        outcome = await performer.perform(a_job("true", run=a_run()), Kept())
    assert isinstance(outcome, NotStarted)
    assert outcome.problem.reason is Reason.HOST_UNREACHABLE


async def test_a_changed_key_before_the_start_is_not_started_at_once(
    server: DemoHost, connections: Connections
) -> None:
    await server.change_key()
    async with asyncio.timeout(5):
        outcome = await ShellPerformer(Runner(connections)).perform(a_job("true", run=a_run()), Kept())
    assert isinstance(outcome, NotStarted)
    assert outcome.problem.reason is Reason.HOST_KEY_CHANGED


async def test_a_host_lost_in_mid_step_for_too_long_is_unknown(wired: Connections, wire: TcpProxy) -> None:
    output = Kept()
    performer = ShellPerformer(Runner(wired, RetryLimits(during=0.5, longest_pause=0.2, stopping=0.5)))
    going = asyncio.create_task(performer.perform(a_job("echo on; sleep 3", run=a_run(), timeout=1), output))
    await output.contains(b"on\n")
    await wire.refuse()
    wire.reset()
    async with asyncio.timeout(30):
        outcome = await going
    assert isinstance(outcome, Unknown)
    assert outcome.problem.reason is Reason.OUTCOME_UNKNOWN


async def test_an_account_without_a_shell_is_not_started(server: DemoHost, connections: Connections) -> None:
    (server.folder / "ssh" / "session").write_text("#!/bin/sh\necho This account is not available. >&2\nexit 1\n")
    outcome = await ShellPerformer(Runner(connections)).perform(a_job("true", run=a_run()), Kept())
    assert isinstance(outcome, NotStarted)
    assert "not available" in outcome.problem.facts["detail"]


async def test_noise_of_a_login_shell_is_neither_output_nor_answer(server: DemoHost, performer: ShellPerformer) -> None:
    session = server.folder / "ssh" / "session"
    noise = "echo welcome; echo 'N ended exit 3'; echo motd >&2\n"
    session.write_text(session.read_text().replace("#!/bin/sh\n", f"#!/bin/sh\n{noise}"))
    output = Kept()
    assert await performer.perform(a_job("echo real", run=a_run()), output) == Done()
    assert bytes(output.data) == b"real\n"


async def test_a_journal_that_cannot_be_written_is_not_started(
    performer: ShellPerformer, journal: Path, tmp_path: Path
) -> None:
    journal.parent.mkdir(parents=True)
    journal.symlink_to("/proc/nowhere")  # noqa: ASYNC240 - instant
    outcome = await performer.perform(a_job(f"touch {tmp_path}/ran", run=a_run()), Kept())
    assert isinstance(outcome, NotStarted)
    assert str(journal) in outcome.problem.facts["detail"]
    assert not (tmp_path / "ran").exists()


async def test_a_finished_step_leaves_no_process(server: DemoHost, performer: ShellPerformer) -> None:
    assert await performer.perform(a_job("true", run=a_run(), timeout=3600), Kept()) == Done()
    await until(lambda: not [pid for pid in server.left_processes() if lives(pid)])
