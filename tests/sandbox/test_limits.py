"""Code that takes all that it can: it is stopped, whoever runs it, and the host keeps its reserves."""

from dataclasses import replace

from bot.sandbox.plan import Limits
from bot.sandbox.results import Ended
from tests.sandbox.support.bench import Bench, server
from tests.sandbox.test_private_server import CONNECT
from tests.support.disks import small_disk
from tests.support.sandboxes import own

_MIB = 1024
SMALL = Limits(processes=60, memory=400 * _MIB, file=20 * _MIB, disk=250 * _MIB, output=64, free_memory=1024)


def test_processes(host: Bench) -> None:
    bomb = """<?php $made = 0;
    for ($i = 0; $i < 500; $i++) {
        $pid = pcntl_fork(); if ($pid === 0) { sleep(60); exit; } if ($pid > 0) $made++;
    }
    echo $made, "\\n";"""
    body = """
sandbox_run count 20 'php count.php'
sandbox_run bomb 2 'f() { f | f & }; f; wait; sleep 60'
sandbox_run after 20 'echo still here'
"""
    done = host.run(host.sandbox(limits=SMALL), body, {"count.php": bomb})
    assert 20 < int(done["count"].output.splitlines()[-1]) < 60 + 400
    assert done["bomb"].ended is Ended.TIME or not done["bomb"].well
    assert done["bomb"].milliseconds < 10_000
    assert done["after"].output == "still here\n"
    assert host.processes() == []


def test_memory_of_one_process(host: Bench) -> None:
    hog = "<?php ini_set('memory_limit', -1); $all = []; while (true) $all[] = str_repeat('x', 1 << 20);"
    done = host.run(host.sandbox(limits=SMALL), "sandbox_run hog 30 'php hog.php'", {"hog.php": hog})
    assert not done["hog"].well
    assert done["hog"].ended in {Ended.EXIT, Ended.MEMORY}


def test_memory_of_many_processes(host: Bench) -> None:
    hog = """<?php ini_set('memory_limit', -1);
    for ($i = 0; $i < 8; $i++) if (pcntl_fork() === 0) { $all = str_repeat('x', 150 << 20); sleep(60); exit; }
    sleep(60);"""
    done = host.run(host.sandbox(limits=SMALL), "sandbox_run hog 30 'php hog.php'", {"hog.php": hog})
    assert done["hog"].ended is Ended.MEMORY
    assert done["hog"].milliseconds < 20_000


def test_the_memory_that_the_host_keeps_for_itself(some_host: Bench) -> None:
    sandbox = some_host.sandbox(limits=SMALL)
    text = some_host.text(sandbox, "sandbox_run one 30 'sleep 30'\nsandbox_run two 30 'sleep 30'").replace(
        "sandbox_start ||", "sandbox_free_memory=999999999\nsandbox_start ||"
    )
    some_host.say(text)
    assert [command.ended for command in some_host.results().commands] == [Ended.MEMORY, Ended.MEMORY]
    assert some_host.processes() == []


def test_one_file_and_the_whole_disk(host: Bench) -> None:
    body = """
sandbox_run file 20 'head -c 50000000 /dev/zero >big; ls -l big | cut -d " " -f 5'
sandbox_run tmp 20 'i=0; while :; do head -c 15000000 /dev/zero >/tmp/$i || exit 3; i=$((i + 1)); done'
sandbox_run more 20 'sleep 20'
"""
    done = host.run(host.sandbox(limits=SMALL), body)
    assert done["file"].output.splitlines()[-1] == str(20 * _MIB * 1024)
    assert done["tmp"].ended is Ended.DISK
    # What is there stays there, so that nothing else runs either.
    assert done["more"].ended is Ended.DISK
    assert not host.box.exists()


def test_a_disk_that_fills_up(host: Bench) -> None:
    local = host.home / ".local"
    with small_disk(local, 260):
        own(host.uid, local, *(path for path in local.rglob("*") if not path.is_symlink()))
        limits = Limits(free_memory=1024, free_disk=40 * _MIB)
        body = "sandbox_run fill 30 'i=0; while :; do head -c 1000000 /dev/zero >$i || sleep 1; i=$((i + 1)); done'"
        done = host.run(host.sandbox(limits=limits), body)
        assert done["fill"].ended is Ended.DISK
        assert not host.box.exists()
    assert host.processes() == []


def test_rows_count_as_room_on_the_disk(some_host: Bench) -> None:
    fill = (
        CONNECT
        + """
$db = connect('localhost'); $db->exec('CREATE TABLE t (v LONGBLOB)');
while (true) $db->exec("INSERT INTO t VALUES (REPEAT('x', 10000000))");
"""
    )
    limits = replace(SMALL, memory=2048 * _MIB)
    done = some_host.run(some_host.sandbox(server(), limits), "sandbox_run fill 60 'php fill.php'", {"fill.php": fill})
    assert done["fill"].ended is Ended.DISK


def test_output(host: Bench) -> None:
    body = r"""
sandbox_run endless 2 yes
sandbox_run long 20 'head -c 9000000 /dev/zero'
sandbox_run bytes 5 'printf "a\377b\0c"'
"""
    done = host.run(host.sandbox(limits=SMALL), body)
    assert done["endless"].ended is Ended.TIME
    assert len(done["endless"].output) == 64 * 1024
    assert done["long"].well
    assert len(done["long"].output) == 64 * 1024
    assert done["bytes"].output == "a�b\0c"


def test_time(host: Bench) -> None:
    body = """
sandbox_run slow 1 'trap "" TERM INT HUP; setsid sleep 600 & sleep 600'
sandbox_run left 5 'ls -d /proc/[0-9]* | wc -l'
"""
    done = host.run(host.sandbox(limits=SMALL), body)
    assert done["slow"].ended is Ended.TIME
    assert 1000 <= done["slow"].milliseconds < 8000
    assert int(done["left"].output) < 7


def test_what_a_command_leaves_running_ends_with_it(host: Bench) -> None:
    body = "sandbox_run fork 5 'setsid sleep 600 >/dev/null 2>&1 & echo started'\nsandbox_run two 5 true"
    done = host.run(host.sandbox(limits=SMALL), body)
    assert (done["fork"].well, done["fork"].output) == (True, "started\n")
    assert done["fork"].milliseconds < 4000
    assert host.processes() == []
