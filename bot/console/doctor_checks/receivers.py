"""The receivers of `notify`: whether they can be reached from here, and how far each is behind. Nothing is sent."""

from __future__ import annotations

import asyncio
import socket

from bot.audit.webhooks.http import PublicResolver
from bot.audit.webhooks.recipient import events_behind, lease_name
from bot.config.settings import StoreUrl
from bot.console.doctor_checks.check_result import CheckResult, fail, ok, warn
from bot.console.run_text import counted
from bot.domain.targets.receiver import Receiver
from bot.store import StoreError, open_readonly
from bot.store.reader import StoreReader

_SECONDS = 10.0


async def check_receivers(url: StoreUrl, receivers: tuple[Receiver, ...]) -> tuple[CheckResult, ...]:
    """Resolve each receiver's name, and read from the store what it was not told of yet.

    Args:
        url: STORE_URL.
        receivers: of `notify`.
    """
    if not receivers:
        return ()
    found: list[CheckResult] = []
    for number, receiver in enumerate(receivers):
        what = f"notify[{number}] {receiver.host}"
        unreachable = await _unreachable(receiver)
        if unreachable:
            found.append(fail(what, unreachable))
    try:
        async with open_readonly(url.reveal()) as reader:
            for number, receiver in enumerate(receivers):
                found.append(await _behind(f"notify[{number}] {receiver.host}", receiver, reader))
    except StoreError:
        pass  # the store has a line of its own
    return tuple(found)


async def _unreachable(receiver: Receiver) -> str:
    """Say why nothing can be sent to a receiver; empty where something can, as far as its name tells."""
    host = receiver.host.rpartition(":")[0] if receiver.host[-1:].isdigit() and ":" in receiver.host else receiver.host
    try:
        async with asyncio.timeout(_SECONDS):
            if receiver.allow_private:
                await asyncio.get_running_loop().getaddrinfo(host.strip("[]"), None, type=socket.SOCK_STREAM)
            else:
                await PublicResolver().resolve(host.strip("[]"))
    except TimeoutError:
        return f"its name is not resolved within {_SECONDS:g} seconds"
    except OSError as error:
        return f"nothing is sent there: {error}"
    return ""


async def _behind(what: str, receiver: Receiver, reader: StoreReader) -> CheckResult:
    position = await reader.leader_leases.position(lease_name(receiver))
    if not position:
        return ok(what, "was not told anything yet; it hears of what happens from the bot's next start on")
    number, oldest = await events_behind(reader.history, receiver, position - 1)
    if not number:
        return ok(what, "knows everything")
    return warn(what, f"{counted(number, 'event')} behind, since {oldest} - the bot's log says why")
