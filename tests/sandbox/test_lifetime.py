"""How sandboxes begin, end, and wait for each other, and what a killed one leaves."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.sandbox.obstacles import Obstacle
from bot.sandbox.plan import sweep
from bot.sandbox.results import Ended
from tests.sandbox.support.bench import ACCOUNTS, Bench, eventually, server


def test_nothing_is_left_but_the_template(host: Bench) -> None:
    host.run(host.sandbox(server()), "sandbox_run one 5 true")
    assert sorted(path.name for path in host.place.iterdir()) == ["lock", "templates"]
    assert host.processes() == []


@pytest.mark.parametrize("victim", ["supervisor", "session"])
def test_a_killed_supervisor_leaves_nothing_running_and_the_next_start_sweeps(host: Bench, victim: str) -> None:
    body = "echo at work\nsandbox_run long 600 'setsid sleep 600 & mkdir -p closed/in && chmod 0 closed; sleep 600'"
    process = host.start(host.text(host.sandbox(server()), body))
    eventually(lambda: host.processes() != [] and "sleep 600" in " ".join(host.processes()), 60)
    assert any("/sandbox/program" in line for line in host.processes())
    if victim == "supervisor":
        process.kill()
    else:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    eventually(lambda: host.processes() == [])
    assert host.box.exists()
    host.answer(sweep())
    assert not host.box.exists()


def test_a_step_that_is_ended_clears_up(host: Bench) -> None:
    process = host.start(host.text(host.sandbox(server()), "sandbox_run long 600 'sleep 600'"))
    eventually(lambda: "sleep 600" in " ".join(host.processes()), 60)
    os.killpg(process.pid, signal.SIGTERM)
    assert process.wait(20) == 143
    assert host.processes() == []
    assert not host.box.exists()


def test_the_side_in_the_network_dies(some_host: Bench) -> None:
    body = "sandbox_run long 600 'sleep 600'\nsandbox_run next 5 true\necho the end"
    process = some_host.start(some_host.text(some_host.sandbox(server()), body))
    eventually(lambda: "sleep 600" in " ".join(some_host.processes()), 60)
    inside = [
        int(entry)
        for entry in (path.name for path in Path("/proc").iterdir())
        if entry.isdigit() and "inside.sh serve" in _line(entry) and some_host.home.name in _line(entry)
    ]
    os.kill(min(inside), signal.SIGKILL)
    told, _ = process.communicate(timeout=60)
    assert b"the end" in told
    assert [command.ended for command in some_host.results().commands] == [Ended.LOST, Ended.LOST]
    assert some_host.processes() == []


def _line(entry: str) -> str:
    try:
        return Path(f"/proc/{entry}/cmdline").read_text(errors="replace").replace("\0", " ")
    except OSError:
        return ""


def test_one_at_a_time_and_the_other_waits(host: Bench) -> None:
    sandbox = host.sandbox()
    first = host.start(host.text(sandbox, "sandbox_run one 20 'sleep 1'"), "first")
    eventually(lambda: host.state.exists() and host.box.exists())
    told = host.say(host.text(sandbox, "sandbox_run two 20 true"), "second")
    assert "waiting for another sandbox" in told
    assert first.wait(30) == 0
    assert [host.results(name).commands[0].well for name in ("first", "second")] == [True, True]


def test_who_has_waited_long_enough_says_so(some_host: Bench) -> None:
    first = some_host.start(some_host.text(some_host.sandbox(), "sandbox_run one 600 'sleep 600'"), "first")
    eventually(lambda: "sleep 600" in " ".join(some_host.processes()))
    some_host.say(some_host.text(some_host.sandbox(wait=1), ":"), "second")
    refusal = some_host.results("second").refusal
    assert refusal is not None
    assert refusal.obstacle is Obstacle.BUSY
    some_host.answer(sweep())
    # The one at work was not disturbed.
    assert "sleep 600" in " ".join(some_host.processes())
    first.kill()


def test_two_make_the_template_at_once(benches: Callable[..., Bench]) -> None:
    hosts = [benches(ACCOUNTS[-1], shared=False) for _ in range(3)]
    shared = hosts[0].home / "templates"
    shared.mkdir(mode=0o700)
    if hosts[0].uid != os.geteuid():
        os.chown(shared, hosts[0].uid, hosts[0].uid)
    for host in hosts:
        host.answer(sweep())
        find = "umask 077; mkdir -p .local/state/countersign/sandbox"
        subprocess.run([*host._become(), "sh", "-c", find], cwd=host.home, check=True)
        text = host.text(host.sandbox(server()), "sandbox_run one 20 'echo well'")
        early = f'find_place; mkdir -p "$place"; ln -s {shared} "$place/templates"\nsandbox_claim ||'
        host.start(text.replace("sandbox_claim ||", early, 1))
    for host in hosts:
        host.started[0].wait(120)
        assert host.results().commands[0].output == "well\n"
    assert len([path for path in shared.iterdir() if path.is_dir()]) == 1


def test_a_template_that_was_cut_short_is_made_again(benches: Callable[..., Bench]) -> None:
    host = benches(ACCOUNTS[-1], shared=False)
    process = host.start(host.text(host.sandbox(server()), ":"))
    eventually(lambda: host.state.exists() and any((host.place / "templates").glob("*.new")))
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    time.sleep(0.2)
    done = host.run(host.sandbox(server()), "sandbox_run one 20 'echo well'")
    assert done["one"].output == "well\n"
    assert list((host.place / "templates").glob("*.new")) == []


@pytest.mark.parametrize("shell", ["bash", "busybox sh"])
def test_other_shells(some_host: Bench, shell: str) -> None:
    some_host.shell = shell
    done = some_host.run(some_host.sandbox(server()), "sandbox_run one 5 'echo well'\nsandbox_run slow 1 'sleep 9'")
    assert (done["one"].output, done["slow"].ended) == ("well\n", Ended.TIME)
