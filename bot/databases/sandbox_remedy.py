"""Why a host cannot have a sandbox, told by trying, and what an administrator can do about it."""

from __future__ import annotations

from bot.databases.ports import HostReader
from bot.domain.errors import RefusedError
from bot.sandbox.capability import Capable, Incapable, capability_of, probe
from bot.sandbox.obstacles import Obstacle, Refusal, server_lines

_SECONDS = 30.0

_OF_THE_HOST = frozenset(
    {
        Obstacle.TOOLS,
        Obstacle.NAMESPACES,
        Obstacle.CONFINEMENT,
        Obstacle.SERVER,
        Obstacle.VERSION,
        Obstacle.UNWRITABLE,
        Obstacle.START,
    }
)
"""What may be so because of how the host is set up."""


async def explained(reader: HostReader, host: str, refusal: Refusal) -> tuple[Refusal, tuple[str, ...]]:
    """Ask a host why it had no sandbox.

    Args:
        reader: asks the host what stands in the way.
        host: its name.
        refusal: why there was none, as a step found it.

    Returns:
        Why there is none, as precisely as can be known, and the lines that an administrator runs as root; none where no
        such line is known, or the host does not answer.
    """
    if refusal.obstacle not in _OF_THE_HOST:
        return refusal, ()
    try:
        answer = await reader.read(host, probe(), _SECONDS)
        capability = capability_of(answer.stdout.decode(errors="replace"))
    except (RefusedError, ValueError):
        return refusal, ()
    match capability:
        case Incapable(refusal=why, remedy=remedy):
            return why, remedy
        case Capable(programs=(), distribution=distribution):
            return refusal, server_lines(distribution)
    return refusal, ()
