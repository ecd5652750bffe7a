"""How a change goes from host to host: in batches, each of which must be healthy before the next one begins."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

HOST_VARIABLE = "COUNTERSIGN_HOST"
"""The variable that holds the name of the host on which a command of a step runs."""


@dataclass(frozen=True)
class Percent:
    """A part of the hosts.

    Args:
        value: 1 to 100.
    """

    value: int


@dataclass(frozen=True)
class HealthUrl:
    """A URL that answers with a status below 400 where a host is healthy.

    Args:
        url: http or https, as seen from the host.
    """

    url: str


@dataclass(frozen=True)
class HealthCommand:
    """A command that ends with status 0 where a host is healthy.

    Args:
        command: a shell template, run on the host.
    """

    command: str


@dataclass(frozen=True)
class Rollout:
    """`rollout` of an environment.

    Args:
        batch: number of hosts at a time, at least 1, or a part of all of them.
        pause: between two batches.
        canary: name of the host that goes first, alone; None for none.
        before_host: a shell template that takes a host out of service; empty for none.
        after_host: a shell template that puts a healthy host back; empty for none.
        health: how a host is asked; None if it is not.
    """

    batch: int | Percent = 1
    pause: timedelta = timedelta(0)
    canary: str | None = None
    before_host: str = ""
    after_host: str = ""
    health: HealthUrl | HealthCommand | None = None

    def size(self, hosts: int) -> int:
        """Give the number of hosts in a batch; a part is rounded down, and at least one.

        Args:
            hosts: number of all hosts.
        """
        match self.batch:
            case Percent(value):
                return max(1, hosts * value // 100)
            case count:
                return count


def batches(hosts: tuple[str, ...], size: int, canary: str | None = None) -> tuple[tuple[str, ...], ...]:
    """Divide hosts into batches, in their order.

    Args:
        hosts: their names.
        size: number of hosts in a batch; the last one may have fewer.
        canary: the host that is a batch of its own, before the others; None, or one that is not among them, for none.
    """
    first = ((canary,),) if canary is not None and canary in hosts else ()
    others = tuple(host for host in hosts if (host,) not in first)
    return (*first, *(others[start : start + size] for start in range(0, len(others), size)))
