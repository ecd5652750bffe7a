"""The step that requests an app's health URL until it succeeds."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import aiohttp

from bot.domain.errors import Reason, problem
from bot.domain.runs.acts import Health, HostHealth
from bot.domain.targets.layout import names_in
from bot.engine.ports import Done, Effect, Ending, Failed, Job, Outcome, Output

_MAX_REDIRECTS = 5
SECONDS_A_TRY = 10.0
_FIRST_BAD_STATUS = 400
_READ = 256 << 10
"""Bytes of a page in which the name of a release is looked for."""


@dataclass(frozen=True)
class HealthAnswer:
    """The result of one request: a status, or an error."""

    status: int | None
    url: str
    error: str = ""
    releases: frozenset[str] = frozenset()

    def line(self, asked: str, release: str | None) -> str:
        """Say in one line what was asked and answered, and which release answered."""
        said = f"GET {asked}: {self.status or self.error}"
        if release is None or not self.fine:
            return said
        if release in self.releases:
            return f"{said}, by the release {release}"
        other = ", ".join(sorted(self.releases))
        return f"{said}, by the release {other}" if other else f"{said}; it is not proven which release answered"

    def is_by(self, release: str | None) -> bool:
        """Whether it is fine, and does not name other releases alone."""
        return self.fine and (release is None or not self.releases or release in self.releases)

    @property
    def fine(self) -> bool:
        """Whether the status is below 400."""
        return self.status is not None and self.status < _FIRST_BAD_STATUS

    @property
    def facts(self) -> dict[str, str]:
        """What is known of it, as facts of a step or a problem."""
        facts = {"url": self.url}
        if self.status is not None:
            facts["status"] = str(self.status)
        if self.error:
            facts["error"] = self.error
        return facts


class HealthPerformer:
    """Requests a health URL from the bot. Implements `Performer`.

    Args:
        pause: seconds between two requests.
    """

    def __init__(self, pause: float = 1.0) -> None:
        self._pause = pause

    async def perform(self, job: Job, output: Output) -> Outcome:
        """Repeat the request until its status is below 400, at most as often as the act says.

        Redirects are followed, up to five. An answer that names another release than the act's does not count.

        Returns:
            `Done` with the facts `status` and `url` (where the redirects led); else `Failed` with `timed_out` and
            the facts `url`, `tries`, and `status` or `error` of the last try.
        """
        act = job.step.act
        if not isinstance(act, Health):
            raise TypeError(f"step {job.step.key} does not ask a URL")
        limits = aiohttp.ClientTimeout(total=SECONDS_A_TRY)
        async with aiohttp.ClientSession(timeout=limits) as session:
            return await ask_until_fine(job, act, output, lambda: ask(session, act.url), self._pause)

    async def resume(self, job: Job, output: Output) -> Outcome:
        """As `perform`."""
        return await self.perform(job, output)

    async def check(self, job: Job) -> Effect:
        """Report nothing: a request has no effect."""
        return Effect.CANNOT_TELL

    async def end(self, job: Job) -> Ending:
        """Report that there is no process to end."""
        return Ending.GONE


async def ask_until_fine(
    job: Job, act: Health | HostHealth, output: Output, once: Callable[[], Awaitable[HealthAnswer]], pause: float
) -> Outcome:
    """Repeat a request until its answer is fine and by the right release, at most as often as the act says.

    Args:
        job: of the step.
        act: of the step.
        output: takes a line for each request.
        once: makes the request. Raises `TimeoutError` where it takes too long.
        pause: seconds between two requests.
    """
    last = HealthAnswer(None, act.url, "it was never asked")
    offset, tries = job.offset, 0
    try:
        async with asyncio.timeout(job.step.timeout):
            while tries < act.tries:
                if tries:
                    await asyncio.sleep(pause)
                last = await once()
                tries += 1
                line = f"{last.line(act.url, act.release)}\n".encode(errors="replace")
                await output.write(offset, line)
                offset += len(line)
                if last.is_by(act.release):
                    return Done(last.facts)
    except TimeoutError:
        pass
    return Failed(problem(Reason.TIMED_OUT, **{**last.facts, "tries": str(tries)}))


async def ask(session: aiohttp.ClientSession, url: str) -> HealthAnswer:
    """Request a URL once.

    Args:
        session: with a limit of time.
        url: http or https.

    Raises:
        TimeoutError: it did not answer in time.
    """
    try:
        # aiohttp does not follow the redirect that reaches its limit.
        async with session.get(url, max_redirects=_MAX_REDIRECTS + 1) as response:
            return await read_answer(response, str(response.url))
    except aiohttp.TooManyRedirects:
        return HealthAnswer(None, url, f"more than {_MAX_REDIRECTS} redirects")
    except (aiohttp.ClientError, OSError, ValueError) as error:
        return HealthAnswer(None, url, str(error) or type(error).__name__)


async def read_answer(response: aiohttp.ClientResponse, url: str) -> HealthAnswer:
    """Read what a response says, with the releases that it names.

    Args:
        response: with its body still to be read.
        url: that answered.
    """
    head = " ".join(response.headers.values())
    page = (await response.content.read(_READ)).decode(errors="replace")
    return HealthAnswer(response.status, url, releases=names_in(f"{head} {page}"))
