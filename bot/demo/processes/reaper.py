"""Starts one server, and ends it with everything that it started when its owner goes away.

Runs as a program of its own (standard library only, started with `python -I -S`):

    reaper.py LOG COMMAND [ARGUMENT…]

Standard input is a pipe whose other end only the owner holds. It closes when the owner lets go of it and also when
the owner is killed, so nothing is left behind in either case. The reaper is a subreaper: processes that the server
started and that detached themselves (`setsid`, double fork) become its children and end too. If the reaper itself
is killed, the kernel kills the server.

The first line on standard output is the server's process id. The server's output goes to LOG.
"""

import contextlib
import ctypes
import os
import select
import signal
import sys
import time
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


def _prctl(option: int, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


def _start(log: str, command: list[str]) -> int:
    """Start the server, its output going to the log; give its process id."""
    reaper = os.getpid()
    child = os.fork()
    if child:
        return child
    try:
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != reaper:
            os._exit(1)
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.execvp(command[0], command)  # noqa: S606 - the command is the owner's, as a list
    except OSError as error:
        os.write(2, f"{command[0]}: {error.strerror}\n".encode())
    os._exit(127)


def _children() -> list[int]:
    """Process ids of the reaper's children, adopted ones included."""
    reaper = os.getpid()
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, IndexError, ValueError):
                fields = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()
                if int(fields[1]) == reaper:
                    found.append(int(entry.name))
    return found


def _reap() -> dict[int, int]:
    """Collect every child that has ended; give wait statuses by process id."""
    ended = {}
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                break
            ended[pid] = status
    return ended


def _end_everything() -> None:
    """Kill all children until none is left; orphans of the killed become children and follow."""
    while True:
        _reap()
        children = _children()
        if not children:
            return
        for pid in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.002)


def _keep(server: int) -> int:
    """Wait for the server's end or the owner's; give the exit status for the reaper itself."""
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    status = None
    while status is None:
        status = _reap().get(server)
        if status is None:
            ready, _, _ = select.select([0, woken], [], [])
            if 0 in ready and not os.read(0, 4096):
                break
            if woken in ready:
                os.read(woken, 4096)
    _end_everything()
    return 0 if status is None else min(abs(os.waitstatus_to_exitcode(status)), 255)


def main() -> int:
    """Start the command of the arguments and keep it; the exit status is the server's, or 0 if the owner let go."""
    log, *command = sys.argv[1:]
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    server = _start(log, command)
    with contextlib.suppress(BrokenPipeError):
        os.write(1, f"{server}\n".encode())
    return _keep(server)


if __name__ == "__main__":
    sys.exit(main())
