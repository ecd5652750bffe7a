"""The step that asks each host of a batch for its health, through the host's own SSH connection."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from urllib.parse import urlsplit, urlunsplit

import aiohttp

from bot.domain.errors import RefusedError
from bot.domain.runs.acts import HostHealth
from bot.engine.ports import Effect, Ending, Failed, Job, Outcome, Output
from bot.hosts.health import SECONDS_A_TRY, HealthAnswer, ask_until_fine, read_answer

_PORTS = {"http": 80, "https": 443}

Tunnel = Callable[[str, str, int], AbstractAsyncContextManager[tuple[str, int]]]
"""Opens a way through a host to an address and a port, as seen from there; gives where it begins."""


class HostHealthPerformer:
    """Requests a URL as a host sees it. Implements `Performer`.

    Args:
        open_tunnel: through a host.
        pause: seconds between two requests.
    """

    def __init__(self, open_tunnel: Tunnel, pause: float = 1.0) -> None:
        self._open_tunnel = open_tunnel
        self._pause = pause

    async def perform(self, job: Job, output: Output) -> Outcome:
        """Repeat the request until its status is below 400, at most as often as the act says.

        A redirect is an answer, and is not followed: it may lead to another host. An answer that names another release
        than the act's does not count.

        Returns:
            `Done` with the facts `status` and `url`; else `Failed` with `timed_out` and the facts `url`, `tries`, and
            `status` or `error` of the last try, or with why the host cannot be reached.
        """
        act = job.step.act
        if not isinstance(act, HostHealth):
            raise TypeError(f"step {job.step.key} does not ask a host")
        try:
            async with as_seen_from(self._open_tunnel, job.place, act.url) as once:
                return await ask_until_fine(job, act, output, once, self._pause)
        except RefusedError as refusal:
            return Failed(refusal.problem)

    async def resume(self, job: Job, output: Output) -> Outcome:
        """As `perform`."""
        return await self.perform(job, output)

    async def check(self, job: Job) -> Effect:
        """Report nothing: a request has no effect."""
        return Effect.CANNOT_TELL

    async def end(self, job: Job) -> Ending:
        """Report that there is no process to end."""
        return Ending.GONE


@asynccontextmanager
async def as_seen_from(
    open_tunnel: Tunnel, host: str, url: str
) -> AsyncIterator[Callable[[], Awaitable[HealthAnswer]]]:
    """Open a way to a URL's server through a host, and give what requests it once.

    Args:
        open_tunnel: through a host.
        host: its name.
        url: http or https, as seen from there.

    Raises:
        RefusedError: the host cannot be reached.
    """
    parts = urlsplit(url)
    limits = aiohttp.ClientTimeout(total=SECONDS_A_TRY)
    async with (
        open_tunnel(host, parts.hostname or "", parts.port or _PORTS[parts.scheme]) as (here, at),
        aiohttp.ClientSession(timeout=limits, headers={"Host": parts.netloc.rpartition("@")[2]}) as session,
    ):
        near = urlunsplit((parts.scheme, f"{here}:{at}", parts.path or "/", parts.query, ""))
        yield lambda: _ask(session, near, url, parts.hostname)


async def _ask(session: aiohttp.ClientSession, near: str, url: str, name: str | None) -> HealthAnswer:
    """Request a URL once, at the near end of a tunnel to its server.

    Args:
        session: with a limit of time.
        near: the URL with the address of the tunnel's end.
        url: as it is configured.
        name: of the server, whose certificate is checked.

    Raises:
        TimeoutError: it did not answer in time.
    """
    try:
        tls_name = name if near.startswith("https:") else None
        async with session.get(near, allow_redirects=False, server_hostname=tls_name) as response:
            return await read_answer(response, url)
    except (aiohttp.ClientError, OSError, ValueError) as error:
        return HealthAnswer(None, url, str(error) or type(error).__name__)
