"""Reads the checks of a commit at GitHub or GitLab."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import quote

import aiohttp

from bot.domain.secrets import Secret
from bot.domain.targets.forge import CommitCheck, ForgeAnswer, ForgeKind, ForgeSilence, Repository
from bot.forge.answers import (
    Attempt,
    BadAnswerError,
    PageOfAttempts,
    github_check_runs,
    github_statuses,
    gitlab_statuses,
    latest,
    required,
)
from bot.forge.client import SECONDS, ForgeClient, ForgeError

_PER_PAGE = 100
_MAX_PAGES = 30
_WHOLE_SECONDS = 45.0
_PAUSE = 1.0

T = TypeVar("T")

ReadPage = Callable[[object, str], PageOfAttempts]


@dataclass(frozen=True)
class Branch:
    """The newest commit of a branch, and what the forge tells about the bot's token.

    Args:
        sha: the commit.
        scopes: of a classic token at GitHub; None where the forge does not tell.
    """

    sha: str
    scopes: str | None


class ForgeReader:
    """Reads checks of commits.

    Args:
        token: `FORGE_TOKEN`; None reads what anybody may.
        pause: seconds before a question is asked again, the first time.
        seconds: limit of each answer.
        whole: limit of a whole reading, in seconds.
    """

    def __init__(
        self,
        token: Secret | None,
        *,
        pause: float = _PAUSE,
        seconds: float = SECONDS,
        whole: float = _WHOLE_SECONDS,
    ) -> None:
        self._token = token
        self._pause = pause
        self._seconds = seconds
        self._whole = whole

    async def checks(self, repository: Repository, sha: str, names: tuple[str, ...]) -> ForgeAnswer:
        """Read the required checks of a commit, each by its latest attempt.

        Args:
            repository: at the forge.
            sha: the commit, 40 digits.
            names: of the required checks.

        Returns:
            One for each name, or why they are not known.
        """
        try:
            return required(names, await self.known(repository, sha))
        except ForgeError as error:
            return ForgeSilence(error.why)

    async def known(self, repository: Repository, sha: str) -> tuple[CommitCheck, ...]:
        """Read every check of a commit, each by its latest attempt.

        Raises:
            ForgeError: the forge gave no answer that can be used.
        """
        return latest(await self._limited(self._attempts(repository, sha)))

    async def branch(self, repository: Repository, name: str) -> Branch:
        """Read the newest commit of a branch.

        Raises:
            ForgeError: the forge gave no answer that can be used.
        """
        return await self._limited(self._branch(repository, name))

    async def _limited(self, work: Coroutine[None, None, T]) -> T:
        try:
            async with asyncio.timeout(self._whole):
                return await work
        except TimeoutError:
            raise ForgeError(f"no answer within {self._whole:g} seconds") from None
        except BadAnswerError as error:
            raise ForgeError(f"the answer cannot be used: {error}") from None

    async def _attempts(self, repository: Repository, sha: str) -> tuple[Attempt, ...]:
        commit = f"{_project(repository)}/commits/{sha}"
        lists: list[tuple[str, ReadPage]] = (
            [(f"{commit}/statuses?", gitlab_statuses)]
            if repository.kind is ForgeKind.GITLAB
            else [(f"{commit}/check-runs?filter=latest&", github_check_runs), (f"{commit}/status?", github_statuses)]
        )
        async with self._session() as session:
            client = self._client(session, repository)
            return tuple([attempt for url, read in lists for attempt in await _all_pages(client, url, read, sha)])

    async def _branch(self, repository: Repository, name: str) -> Branch:
        async with self._session() as session:
            client = self._client(session, repository)
            answer = await client.get(f"{_project(repository)}/commits/{quote(name, safe='')}")
        key = "id" if repository.kind is ForgeKind.GITLAB else "sha"
        sha = answer.data.get(key) if isinstance(answer.data, dict) else None
        if not isinstance(sha, str):
            raise BadAnswerError("a commit is missing")
        return Branch(sha, answer.scopes)

    def _session(self) -> aiohttp.ClientSession:
        # Nothing of one reading may reach the next: neither cookies nor connections.
        return aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())

    def _client(self, session: aiohttp.ClientSession, repository: Repository) -> ForgeClient:
        return ForgeClient(session, api_of(repository), self._token, self._pause, self._seconds)


def api_of(repository: Repository) -> str:
    """Give the base of a forge's API.

    Args:
        repository: at the forge.
    """
    if repository.kind is ForgeKind.GITLAB:
        return f"{repository.origin}/api/v4"
    host = repository.host.lower()
    if host == "github.com" or host.endswith(".ghe.com"):
        return f"https://api.{host}"
    return f"{repository.origin}/api/v3"


def _project(repository: Repository) -> str:
    if repository.kind is ForgeKind.GITLAB:
        return f"{api_of(repository)}/projects/{quote(repository.path, safe='')}/repository"
    return f"{api_of(repository)}/repos/{quote(repository.path, safe='/')}"


async def _all_pages(client: ForgeClient, url: str, read: ReadPage, sha: str) -> tuple[Attempt, ...]:
    """Read a list to its end: a page that is missing could have the latest attempt.

    Raises:
        BadAnswerError: the list has an end before the number of entries that it claims.
        ForgeError: a page cannot be read.
    """
    attempts: tuple[Attempt, ...] = ()
    seen = 0
    for number in range(1, _MAX_PAGES + 1):
        answer = await client.get(f"{url}per_page={_PER_PAGE}&page={number}")
        page = read(answer.data, sha)
        attempts += page.attempts
        seen += page.length
        has_more = answer.has_next or (page.length >= _PER_PAGE if page.total is None else seen < page.total)
        if not has_more:
            return attempts
        if not page.length:
            raise BadAnswerError("the list is not complete")
    raise ForgeError("the list is too long")
