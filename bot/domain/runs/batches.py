"""The part of a plan that hosts get one batch after the other."""

from __future__ import annotations

from dataclasses import dataclass, replace

BEFORE_HOST = "before-host"
"""Key of the step that takes a host out of service."""

HOST_HEALTH = "host-health"
"""Key of the step that asks a host whether it is healthy."""

AFTER_HOST = "after-host"
"""Key of the step that puts a healthy host back."""

HOOKS = frozenset({BEFORE_HOST, HOST_HEALTH, AFTER_HOST})


@dataclass(frozen=True)
class Batches:
    """Which steps of the change go from batch to batch.

    Args:
        hosts: names of the hosts of each batch, in order.
        steps: keys of the steps; each host of a batch is given them in order.
        pause: seconds between two batches.
    """

    hosts: tuple[tuple[str, ...], ...]
    steps: tuple[str, ...]
    pause: int = 0

    @property
    def all_hosts(self) -> tuple[str, ...]:
        """The hosts of all batches, in order."""
        return tuple(host for batch in self.hosts for host in batch)

    def of(self, hosts: frozenset[str]) -> Batches:
        """Give the same for some of the hosts; a batch without any of them is left out."""
        kept = (tuple(host for host in batch if host in hosts) for batch in self.hosts)
        return replace(self, hosts=tuple(batch for batch in kept if batch))
