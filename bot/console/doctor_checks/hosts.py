"""The hosts: the login with its key check, the clock, and whether detached steps outlive their connection."""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import dataclass

from bot.console.doctor_checks.check_result import CheckResult, fail, ok, warn
from bot.console.doctor_checks.formats import milliseconds
from bot.console.doctor_checks.problem_text import explain
from bot.domain.errors import RefusedError
from bot.domain.shell import Command, syntax
from bot.domain.targets.target import Host
from bot.hosts.connections import Connections
from bot.hosts.known_hosts import KnownHostsError, known_hosts_file, read_known_hosts
from bot.hosts.startup_files import read_startup_files, suspects
from bot.hosts.survival import Survival, read_survival

_SECONDS = 20.0
_NO_SUSPECT = "the account needs a login shell; look at its start-up files: ~/.bashrc, ~/.profile, ~/.zshenv, ~/.ssh/rc"
_NO_SFTP = (
    "the account needs a login shell; SFTP does not start there either, so look at what is read before every command: "
    "~/.bashrc by bash, ~/.zshenv by zsh, ~/.cshrc by csh, ~/.ssh/rc by the SSH server"
)
_MAX_CLOCK_OFFSET = 2.0
"""Seconds. The bot compares times of one host with each other only; people compare them with their own."""


@dataclass(frozen=True)
class HostCheck:
    """The results of one host.

    Args:
        usable: whether commands can be run on it.
        results: in order.
    """

    usable: bool
    results: tuple[CheckResult, ...]


@dataclass(frozen=True)
class HostReport:
    """What a host reported, and when, by this machine's clock.

    Args:
        clock: Unix time by the host's clock, in seconds; None where it printed none.
        asked: Unix time at which it was asked.
        answered: Unix time at which the answer was there.
        lacks: what the journal of steps needs and does not find there.
    """

    clock: float | None
    asked: float
    answered: float
    lacks: tuple[str, ...]

    @property
    def uncertain(self) -> float:
        """How far the offset may be from the truth, in seconds."""
        return (self.answered - self.asked) / 2

    @property
    def offset(self) -> float | None:
        """Seconds by which the host's clock is ahead of this machine's."""
        return None if self.clock is None else self.clock - (self.asked + self.answered) / 2


def question() -> Command:
    """Write the command that asks a host for its clock and for what the journal of steps needs."""
    return syntax("""
printf 'clock %s\\n' "$(date +%s.%N)"
for tool in setsid mkdir mv sync; do command -v "$tool" >/dev/null 2>&1 || echo "lacks $tool"; done
[ -r /proc/self/stat ] || echo 'lacks /proc'
folder=${XDG_STATE_HOME:-$HOME/.local/state}/countersign
while [ ! -e "$folder" ] && [ -n "$folder" ]; do
  case $folder in */*) folder=${folder%/*} ;; *) folder=. ;; esac
done
[ -w "${folder:-/}" ] || echo "lacks a writable ${folder:-/} for the journal"
:
""")


def parse(text: str, asked: float, answered: float) -> HostReport:
    """Read what the host printed.

    Args:
        text: of `question`.
        asked: Unix time at which it was asked, in seconds.
        answered: Unix time at which the answer was there.
    """
    clock = re.search(r"^clock (\d+)(\.\d+)?", text, re.MULTILINE)
    # A date without fractions has cut its second: on average half of one is missing.
    seconds = None if clock is None else float(clock[1]) + (float(clock[2]) if clock[2] else 0.5)
    return HostReport(seconds, asked, answered, tuple(re.findall(r"^lacks (.+)$", text, re.MULTILINE)))


async def check_host(connections: Connections, name: str) -> HostCheck:
    """Log in to a host and look at it.

    Args:
        connections: to the hosts.
        name: of the host.
    """
    what = f"host {name}"
    host = connections.host(name)
    started = time.monotonic()
    try:
        async with connections.connection(name):
            connected = time.monotonic() - started
        asked, began = time.time(), time.monotonic()
        answer = await connections.read(name, question(), _SECONDS)
        took = time.monotonic() - began
        lives = await read_survival(connections, name)
    except RefusedError as refusal:
        return HostCheck(usable=False, results=(fail(what, explain(refusal.problem)),))
    if answer.exit_status != 0:
        error_text = answer.stderr.decode(errors="replace").strip() or f"exit status {answer.exit_status}"
        files = await read_startup_files(connections, name)
        lines = suspects(files)
        right = f"look at {'; '.join(lines)}" if lines else _NO_SUSPECT if files else _NO_SFTP
        detail = f"logged in, but `sh` does not work there: {error_text[-200:]} - {right}"
        return HostCheck(usable=False, results=(fail(what, detail),))
    report = parse(answer.stdout.decode(errors="replace"), asked, asked + took)
    route = f" through {host.jump}" if host.jump else ""
    login = ok(
        what,
        f"{host.user}@{host.address}:{host.port}{route}, its key is known; "
        f"connected in {milliseconds(connected)}, a command takes {milliseconds(took)}",
    )
    known = await _known_hosts(what, host)
    results = (login, *known, _clock(what, report), _steps(what, host.user, report, lives))
    return HostCheck(usable=True, results=results)


async def _known_hosts(what: str, host: Host) -> tuple[CheckResult, ...]:
    """Name the lines of the file of known hosts that do not count."""
    path = known_hosts_file(host)
    try:
        known = await asyncio.to_thread(read_known_hosts, path)
    except KnownHostsError as error:
        return (warn(f"{what}: known hosts", f"{path}: {error}"),)
    return tuple(
        warn(
            f"{what}: known hosts", f"{path}:{line.number}: {line.detail}; the other lines count - correct or remove it"
        )
        for line in known.broken
    )


def _clock(what: str, report: HostReport) -> CheckResult:
    what = f"{what}: clock"
    if report.offset is None:
        return warn(what, "`date` does not say the time in seconds")
    direction = "ahead of" if report.offset > 0 else "behind"
    figure = f"{abs(report.offset):.1f} s {direction} this machine (± {max(report.uncertain, 0.05):.1f} s)"
    if abs(report.offset) - report.uncertain > _MAX_CLOCK_OFFSET:
        return warn(what, f"{figure} - run a time service on both, such as systemd-timesyncd or chrony")
    return ok(what, figure)


def _steps(what: str, user: str, report: HostReport, lives: Survival) -> CheckResult:
    what = f"{what}: detached steps"
    if any(lack.startswith("a writable") for lack in report.lacks):
        return fail(what, f"the host lacks {'; '.join(report.lacks)}")
    match lives:
        case Survival.KILLED:
            return fail(
                what,
                "systemd ends them when the connection does (KillUserProcesses=yes) - exempt the account: "
                f"KillExcludeUsers=root {user} in /etc/systemd/logind.conf",
            )
        case Survival.CANNOT_TELL:
            return warn(what, "can't tell whether they outlive the connection - see KillUserProcesses in logind")
        case Survival.LIVES:
            if report.lacks:
                return warn(what, f"they outlive the connection, but the host lacks {'; '.join(report.lacks)}")
            return ok(what, "they outlive the connection")
