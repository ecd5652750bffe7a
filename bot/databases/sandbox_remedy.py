"""What an administrator can do about a host that cannot have a sandbox."""

from __future__ import annotations

from bot.databases.ports import HostReader
from bot.domain.errors import RefusedError
from bot.sandbox.capability import Capable, Incapable, capability_of, probe
from bot.sandbox.obstacles import Obstacle, Refusal, server_lines

_SECONDS = 30.0

_MENDABLE = frozenset(
    {Obstacle.TOOLS, Obstacle.NAMESPACES, Obstacle.CONFINEMENT, Obstacle.SERVER, Obstacle.VERSION, Obstacle.UNWRITABLE}
)


async def remedy_of(reader: HostReader, host: str, refusal: Refusal) -> tuple[str, ...]:
    """List the lines that an administrator runs on a host, as root.

    Args:
        reader: asks the host what stands in the way.
        host: its name.
        refusal: why there was no sandbox.

    Returns:
        The lines; none where no such line is known, or the host does not answer.
    """
    if refusal.obstacle not in _MENDABLE:
        return ()
    try:
        answer = await reader.read(host, probe(), _SECONDS)
        capability = capability_of(answer.stdout.decode(errors="replace"))
    except (RefusedError, ValueError):
        return ()
    match capability:
        case Incapable(remedy=remedy):
            return remedy
        case Capable(programs=(), distribution=distribution):
            return server_lines(distribution)
    return ()
