"""Asks a forge's API over HTTP, with limits of time and size; the token goes to the forge's own origin alone."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

import aiohttp

from bot.domain.secrets import Secret

SECONDS = 10.0
"""For one answer, from the connection to its last byte."""

_MAX_BYTES = 8 << 20
_MAX_REDIRECTS = 3
_TRIES = 3
_PORTS = {"https": 443, "http": 80}
_OK = 200
_REDIRECTS = range(300, 400)
_NOT_AUTHORIZED = 401
_FORBIDDEN = 403
_NOT_FOUND = 404
_UNPROCESSABLE = 422
_TOO_MANY = 429
_SERVER_ERROR = 500


class ForgeError(Exception):
    """The forge gave no answer that can be used.

    Args:
        why: in English.
        passing: whether it may well answer a second later.
    """

    def __init__(self, why: str, *, passing: bool = False) -> None:
        super().__init__(why)
        self.why = why
        self.passing = passing


@dataclass(frozen=True)
class Answer:
    """A parsed answer.

    Args:
        data: the JSON.
        has_next: whether its headers name a next page.
        scopes: of a classic token at GitHub; None where the forge does not tell.
    """

    data: object
    has_next: bool
    scopes: str | None


class ForgeClient:
    """Asks one forge.

    Args:
        session: sends the questions.
        origin: scheme, host and port of the API; nothing else is ever asked.
        token: of the bot; None asks as anybody may.
        pause: seconds before a question is asked again after a failure that may pass, the first time.
        seconds: limit of each answer.
    """

    def __init__(
        self, session: aiohttp.ClientSession, origin: str, token: Secret | None, pause: float, seconds: float = SECONDS
    ) -> None:
        self._session = session
        self._origin = _origin_of(origin)
        self._token = token
        self._pause = pause
        self._timeout = aiohttp.ClientTimeout(total=seconds)
        self._seconds = seconds

    async def get(self, url: str) -> Answer:
        """Ask a question; again, twice, where the failure may pass.

        Args:
            url: at the forge's origin, its parts encoded.

        Raises:
            ForgeError: there is no answer, or none that can be used.
        """
        for number in range(_TRIES):
            try:
                return await self._get(url)
            except ForgeError as error:
                if not error.passing or number == _TRIES - 1:
                    raise
                await asyncio.sleep(self._pause * 2**number)
        raise AssertionError("unreachable")

    async def _get(self, url: str) -> Answer:
        try:
            for _ in range(_MAX_REDIRECTS + 1):
                if _origin_of(url) != self._origin:
                    raise ForgeError("it sends the question to another host")
                async with self._session.get(
                    url, headers=self._headers(), allow_redirects=False, timeout=self._timeout
                ) as response:
                    moved = response.headers.get("Location") if response.status in _REDIRECTS else None
                    if moved is None:
                        return await self._read(response)
                    url = urljoin(url, moved)
        except TimeoutError:
            raise ForgeError(f"no answer within {self._seconds:g} seconds", passing=True) from None
        except aiohttp.ClientConnectorCertificateError:
            raise ForgeError("its certificate is not valid") from None
        except aiohttp.ClientPayloadError:
            raise ForgeError("the answer was cut off", passing=True) from None
        except (aiohttp.ClientError, OSError) as error:
            raise ForgeError(f"no connection: {type(error).__name__}", passing=True) from None
        except ValueError:
            raise ForgeError("it sends the question to an address that is none") from None
        raise ForgeError("it sends the question in a circle")

    def _headers(self) -> dict[str, str]:
        headers = {"Accept": "application/json", "User-Agent": "countersign"}
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token.reveal()}"
        return headers

    async def _read(self, response: aiohttp.ClientResponse) -> Answer:
        _require_success(response, has_token=self._token is not None)
        body = bytearray()
        async for chunk in response.content.iter_chunked(1 << 16):
            body += chunk
            if len(body) > _MAX_BYTES:
                raise ForgeError("the answer is too long")
        try:
            data = json.loads(body)
        except (ValueError, RecursionError):
            raise ForgeError("the answer is no JSON", passing=True) from None
        return Answer(data, "next" in response.links, response.headers.get("X-OAuth-Scopes"))


def _origin_of(url: str) -> tuple[str, str, int]:
    """Give scheme, host and port of a URL.

    Raises:
        ValueError: it has none.
    """
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ValueError(url)
    return parts.scheme, parts.hostname, parts.port or _PORTS[parts.scheme]


def _require_success(response: aiohttp.ClientResponse, *, has_token: bool) -> None:
    status = response.status
    if status == _OK:
        return
    is_limited = status == _TOO_MANY or (
        status == _FORBIDDEN
        and (response.headers.get("X-RateLimit-Remaining") == "0" or "Retry-After" in response.headers)
    )
    if is_limited:
        raise ForgeError(f"its rate limit is used up ({status})")
    if status in {_NOT_AUTHORIZED, _FORBIDDEN}:
        raise ForgeError(f"it refuses FORGE_TOKEN ({status})" if has_token else f"it asks for FORGE_TOKEN ({status})")
    if status == _NOT_FOUND:
        raise ForgeError("it shows no such repository or commit (404)")
    if status == _UNPROCESSABLE:
        raise ForgeError("it does not know the commit (422)")
    raise ForgeError(f"it answers {status}", passing=status >= _SERVER_ERROR)
