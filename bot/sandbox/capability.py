"""Whether a host can have a sandbox: one script that tries, and what its answer means. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from bot.domain.shell import Command, Syntax, assignments
from bot.sandbox import server
from bot.sandbox.obstacles import (
    Distribution,
    KernelSwitches,
    Obstacle,
    Refusal,
    install_lines,
    namespace_lines,
    server_lines,
)
from bot.sandbox.plan import Limits, script
from bot.sandbox.server import MEMORY_KIB, ServerSeries, series_of

_NEEDED = ("bwrap", "setpriv", "prlimit", "flock", "awk", "nice")
_FEWEST_INODES = 20_000


@dataclass(frozen=True)
class ServerProgram:
    """A database server's program on a host.

    Args:
        path: where it is.
        series: what it is.
    """

    path: str
    series: ServerSeries


@dataclass(frozen=True)
class Capable:
    """A host that can have a sandbox.

    Args:
        programs: database servers that are installed.
        serves_addresses: whether the private server can answer at any address, not only at loopback and names.
        memory_kib: memory that is available.
        disk_kib: room where the sandbox would lie.
        inodes: how many files can be made there; None where that is not limited.
        distribution: what the host runs.
    """

    programs: tuple[ServerProgram, ...]
    serves_addresses: bool
    memory_kib: int
    disk_kib: int
    inodes: int | None
    distribution: Distribution

    def refusal(self, series: ServerSeries, limits: Limits) -> tuple[Refusal, tuple[str, ...]] | None:
        """Say why this host cannot have a private server of a series now, and what would help.

        Args:
            series: of the live server.
            limits: of the sandbox.
        """
        if not self.programs:
            detail = "neither mariadbd nor mysqld is installed"
            return Refusal(Obstacle.SERVER, detail), server_lines(self.distribution)
        if all(program.series != series for program in self.programs):
            installed = ", ".join(sorted({str(program.series) for program in self.programs}))
            return Refusal(Obstacle.VERSION, f"the live server is {series}; installed: {installed}"), ()
        needed = limits.free_memory + MEMORY_KIB[series.kind] + 128 * 1024
        if self.memory_kib < needed:
            return Refusal(Obstacle.MEMORY, f"{self.memory_kib} KiB are available, and {needed} KiB are needed"), ()
        needed = limits.free_disk + 150 * 1024
        if self.disk_kib < needed:
            return Refusal(Obstacle.DISK, f"{self.disk_kib} KiB are free, and {needed} KiB are needed"), ()
        if self.inodes is not None and self.inodes < _FEWEST_INODES:
            return Refusal(Obstacle.DISK, f"{self.inodes} more files can be made"), ()
        return None


@dataclass(frozen=True)
class Incapable:
    """A host that cannot have a sandbox.

    Args:
        refusal: why.
        remedy: lines that an administrator runs, as root; none where no such line is known.
    """

    refusal: Refusal
    remedy: tuple[str, ...]


SandboxCapability = Capable | Incapable


def probe() -> Command:
    """Build the script that says what a host can do, for `capability_of`. It leaves nothing behind."""
    values = {"sandbox_confine": script("measure.sh", "confine.sh"), "sandbox_programs": " ".join(server.PROGRAMS)}
    inside = assignments(values)
    return Command((*inside, Syntax(script("place.sh", "measure.sh", "confine.sh", "probe.sh"))))


_NUMBER = re.compile(r"\d{1,18}")


def capability_of(answer: str) -> SandboxCapability:
    """Read what the probe printed.

    Raises:
        ValueError: it is not of that form, or was cut.
    """
    facts = list(_facts(answer))
    one = dict(facts)
    if facts[-1:] != [("end", "yes")]:
        raise ValueError("the host's answer was cut")
    name, _, version = one.get("distribution", "").partition(" ")
    distribution = Distribution(name, version, tuple(one.get("like", "").split()))
    missing = tuple(value for key, value in facts if key == "missing")
    if needed := tuple(program for program in missing if program in _NEEDED):
        detail = f"not installed: {', '.join(needed)}"
        return Incapable(Refusal(Obstacle.TOOLS, detail), install_lines(missing, distribution))
    switches = KernelSwitches(
        userns_clone=_number(one.get("kernel.unprivileged_userns_clone")),
        apparmor_restricts=_number(one.get("kernel.apparmor_restrict_unprivileged_userns")),
        max_user_namespaces=_number(one.get("user.max_user_namespaces")),
    )
    if "unwritable" in one:
        return Incapable(Refusal(Obstacle.UNWRITABLE, one["unwritable"]), ())
    for key, obstacle in (("network", Obstacle.NAMESPACES), ("confined", Obstacle.CONFINEMENT)):
        if one.get(key) != "yes":
            refusal = Refusal(obstacle, one.get(key, "").removeprefix("no: "))
            return Incapable(refusal, namespace_lines(switches, distribution))
    return Capable(
        programs=tuple(_programs(facts)),
        serves_addresses=one.get("addresses") == "yes",
        memory_kib=_number(one.get("memory")) or 0,
        disk_kib=_number(one.get("disk")) or 0,
        # File systems without a fixed number of inodes report none at all.
        inodes=_number(one.get("inodes")) or None,
        distribution=distribution,
    )


def _facts(answer: str) -> Iterator[tuple[str, str]]:
    for line in answer.splitlines():
        key, tab, value = line.partition("\t")
        if not tab:
            raise ValueError(f"not a line of the probe: {line[:80]!r}")
        yield key, value


def _programs(facts: list[tuple[str, str]]) -> Iterator[ServerProgram]:
    for key, value in facts:
        path, tab, version = value.partition("\t")
        if key == "program" and tab and (series := series_of(version)) is not None:
            yield ServerProgram(path, series)


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and _NUMBER.fullmatch(text) else None
