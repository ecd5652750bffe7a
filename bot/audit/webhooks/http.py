"""Sends to receivers: with limits, without following redirects, and only to addresses that were checked."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from bot.audit.forwarder import RecipientGoneError, TakenLaterError
from bot.config.addresses import is_public
from bot.domain.targets.receiver import Receiver

SECONDS = 10.0
"""For one answer, from the connection to its end."""

_MAX_BYTES = 1 << 20
_MAX_WAIT_SECONDS = 300.0
_DONE = range(200, 300)
_GONE = 410


class NotTakenError(Exception):
    """A receiver did not take a message.

    Args:
        why: in English; without the URL, which may be a secret.
        status: of its answer; None without one.
    """

    def __init__(self, why: str, status: int | None = None) -> None:
        super().__init__(why)
        self.status = status


@dataclass(frozen=True)
class Message:
    """One request.

    Args:
        method: of HTTP.
        url: whole.
        headers: beside the usual ones.
        body: empty for none.
    """

    method: str
    url: str
    headers: dict[str, str]
    body: bytes = b""


class PublicResolver(AbstractResolver):
    """Resolves names to public addresses alone. What it returns is what is connected to: nothing resolves again."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Resolve a name.

        Raises:
            OSError: it cannot be resolved, or leads into a private network, with whichever of its addresses.
        """
        found = await asyncio.get_running_loop().getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM)
        addresses = [(kind, str(address[0])) for kind, _, _, _, address in found]
        private = next((address for _, address in addresses if not is_public(address)), None)
        if private is not None:
            raise OSError(f"{private} is in a private network (`allow_private`)")
        return [
            ResolveResult(hostname=host, host=address, port=port, family=kind, proto=0, flags=socket.AI_NUMERICHOST)
            for kind, address in addresses
        ]

    async def close(self) -> None:
        """There is nothing to close."""


class ReceiverConnection:
    """The connection to one receiver, opened when something is sent.

    Args:
        receiver: where to.
        seconds: limit of each answer.
    """

    def __init__(self, receiver: Receiver, seconds: float = SECONDS) -> None:
        self._receiver = receiver
        self._seconds = seconds
        self._session: aiohttp.ClientSession | None = None

    async def send(self, message: Message) -> Any:
        """Send a message.

        Returns:
            The JSON of the answer; None where it is none.

        Raises:
            NotTakenError: there was no answer, or one that is no success.
            TakenLaterError: it asks to wait.
            RecipientGoneError: it wants to be told nothing any more.
        """
        self._require_public(message.url)
        try:
            async with self._opened().request(
                message.method,
                message.url,
                headers={"User-Agent": "countersign", "Content-Type": "application/json", **message.headers},
                data=message.body or None,
                allow_redirects=False,
            ) as response:
                _require_success(response)
                return await _json(response)
        except TimeoutError:
            raise NotTakenError(f"no answer within {self._seconds:g} seconds") from None
        except aiohttp.ClientConnectorDNSError as error:
            raise NotTakenError(f"no address: {error.os_error}") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise NotTakenError(f"no connection: {type(error).__name__}") from None

    async def close(self) -> None:
        """Close it; the next message opens it again."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            resolver = None if self._receiver.allow_private else PublicResolver()
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(resolver=resolver, use_dns_cache=False, limit=1),
                timeout=aiohttp.ClientTimeout(total=self._seconds),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session

    def _require_public(self, url: str) -> None:
        """Refuse an address that is written as such: nobody resolves it."""
        if self._receiver.allow_private:
            return
        host = (url.split("/")[2].rpartition("@")[2]).removeprefix("[")
        literal = host.partition("]")[0] if "]" in host else host.partition(":")[0]
        with contextlib.suppress(ValueError):
            if not is_public(literal):
                raise NotTakenError(f"{literal} is in a private network (`allow_private`)")


def _require_success(response: aiohttp.ClientResponse) -> None:
    status = response.status
    if status in _DONE:
        return
    if status == _GONE:
        raise RecipientGoneError("it answers 410: it wants to be told nothing any more")
    wait = response.headers.get("Retry-After", "")
    if wait.isdecimal() and len(wait) < 7:
        raise TakenLaterError(f"it answers {status}", min(float(wait), _MAX_WAIT_SECONDS))
    raise NotTakenError(f"it answers {status}", status)


async def _json(response: aiohttp.ClientResponse) -> Any:
    body = bytearray()
    async for chunk in response.content.iter_chunked(1 << 16):
        body += chunk
        if len(body) > _MAX_BYTES:
            return None
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None
