"""What code does outside of its application's folder: nothing of it happens on the host, and it is seen."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.sandbox.plan import CodeBox
from bot.sandbox.results import Unseen
from tests.sandbox.support.bench import AT, Bench, server

HOME = "/home/deployer"


def touched(host: Bench, *commands: str, at: str = AT) -> list[set[str]]:
    """Run shell texts one after the other, and give what of each was seen."""
    lines = [f"sandbox_run n{number} 20 {shlex.quote(text)}" for number, text in enumerate(commands)]
    sandbox = host.sandbox(code=CodeBox(at))
    text = host.text(sandbox, "\n".join(lines)).replace("sandbox_start ||", f"HOME={HOME}\nsandbox_start ||", 1)
    told = host.say(text)
    results = host.results()
    assert results.refusal is None, told
    assert results.unseen == ()
    assert [one.status for one in results.commands] == [0] * len(commands), told
    found = [(one.command, f"{one.act} {one.path}") for one in results.touched]
    return [{said for command, said in found if command == f"n{number}"} for number in range(len(commands))]


def test_what_is_read_and_written_outside_is_seen(host: Bench) -> None:
    read, written, undone, hidden, nothing = touched(
        host,
        f"cat {HOME}/.ssh/id_rsa /etc/shadow; cat {HOME}/.my.cnf >/dev/null; cat /home/someone/.ssh/id_rsa || true",
        f"echo key >>{HOME}/.ssh/authorized_keys; echo x >/etc/cron.d/job; mkdir -p /var/www/new; rm /root/.bashrc",
        "echo x >/var/log/x; rm /var/log/x; mv /opt /elsewhere",
        f"cat {HOME}/.netrc >/dev/null; touch -a -d 2000-01-01 {HOME}/.netrc; echo x >/srv/x; touch -d 2000-01-01 /srv",
        # Programs that applications use, and their own files.
        f"php -r 'echo 1;'; git --version; echo x | tee /tmp/x {AT}/x /dev/shm/x; ls -R /home /etc >/dev/null 2>&1",
    )
    assert read == {f"read {HOME}/.ssh/id_rsa", "read /etc/shadow", f"read {HOME}/.my.cnf"}
    assert written == {f"wrote {HOME}/.ssh/authorized_keys", "wrote /etc/cron.d", "wrote /var/www", "wrote /root"}
    assert undone == {"wrote /var/log", "wrote /"}
    # Who sets the time back changes the file.
    assert hidden == {f"wrote {HOME}/.netrc", "wrote /srv"}
    assert nothing == set()
    assert not Path(HOME).exists()
    assert not Path("/etc/cron.d/job").exists()


def test_folders_beside_the_live_one_have_their_names_and_nothing_else(some_host: Bench) -> None:
    text = 'test "$(ls -A /var/lib/dpkg)" = .env && cat /var/lib/dpkg/.env'
    (found,) = touched(some_host, text, at="/var/lib/countersign-app")
    assert found == {"read /var/lib/dpkg/.env"}


def test_no_command_finds_what_another_one_made(host: Bench) -> None:
    first, second = touched(
        host,
        f"mv /run /moved; ln -s {host.live} /run; rm -r /etc/cron.d; ln -s /proc/1/root{host.live} /etc/cron.d",
        "! test -e /moved; ! test -L /run; ! test -L /etc/cron.d; ls /run >/dev/null",
    )
    assert {"wrote /", "wrote /etc"} <= first
    assert second == set()
    assert sorted(path.name for path in host.live.iterdir()) == [".env"]


def test_names_that_a_commit_gives_are_never_told(some_host: Bench) -> None:
    (found,) = touched(some_host, "cd /srv; touch 'a secret' \"$(printf 'x\\n./etc/passwd\\n')\"; mkdir -p $(seq 200)")
    assert found <= {"wrote /srv", "wrote /etc/passwd"}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")
def test_a_host_that_keeps_no_times_of_access_says_so(benches: Callable[..., Bench]) -> None:
    host = benches(0, shared=False)
    shell = host.home / "shell"
    mount = f'mkdir -p {host.state} && mount -t tmpfs -o noatime none {host.state} && exec sh "$0"'
    shell.write_text(f'#!/bin/sh\nexec unshare --mount sh -c {shlex.quote(mount)} "$1"\n')
    shell.chmod(0o755)
    host.shell = str(shell)
    done = host.run(host.sandbox(), "sandbox_run it 20 'cat /etc/shadow; echo x >/etc/new'")
    results = host.results()
    assert done["it"].output == "sandbox\n"
    assert results.unseen == (Unseen.READS,)
    assert [one.path for one in results.touched] == ["/etc"]


def test_the_private_server_is_reached_all_the_same(some_host: Bench) -> None:
    text = 'mariadb --user=compte --password="$(sed -n s/^DB_PASSWORD=//p .env)" compte -e "SELECT 1"'
    done = some_host.run(some_host.sandbox(server()), f"sandbox_run ask 20 {shlex.quote(text)}")
    assert done["ask"].well, done["ask"].output
    assert some_host.results().touched == ()
