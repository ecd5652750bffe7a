"""What goes wrong on demand: between the app and Slack, as it does in life."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import Enum
from typing import Any

from bot.playground.errors import ClientActionError


class FaultEffect(Enum):
    """What a faulty Web API call meets."""

    RATE_LIMITED = "ratelimited"
    SERVER_ERROR = "http_500"
    RESET_BEFORE = "reset_before"
    """The connection breaks before anything is done."""
    RESET_AFTER = "reset_after"
    """It is done, but the answer is lost."""
    HANG = "hang"
    """It is done, but the answer takes `seconds`."""
    ERROR = "error"
    """The answer is `{"ok": false, "error": …}`; nothing is done."""


@dataclass
class CallFault:
    """The next calls of a method fail.

    Attributes:
        method: a Web API method, or `*` for all.
        effect: how they fail.
        times: how many of them; None until the fault is cleared.
        seconds: `Retry-After` of RATE_LIMITED, waiting time of HANG.
        error: Slack's name of the error, for ERROR.
        channel: only calls that name this channel fail; empty for all.
    """

    method: str
    effect: FaultEffect
    times: int | None = 1
    seconds: float = 1.0
    error: str = "internal_error"
    channel: str = ""

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> CallFault:
        """Read a fault from decoded JSON.

        Raises:
            ClientActionError: an unknown key or effect, or no method.
        """
        _refuse_unknown(data, cls)
        method = data.get("method")
        if not isinstance(method, str) or not method:
            raise ClientActionError("method: name a Web API method, or * for all")
        try:
            effect = FaultEffect(data.get("effect"))
        except ValueError:
            known = ", ".join(effect.value for effect in FaultEffect)
            raise ClientActionError(f"effect: {data.get('effect')!r} is unknown; known are {known}") from None
        times = data.get("times", 1)
        return cls(
            method,
            effect,
            None if times is None else int(times),
            float(data.get("seconds", 1.0)),
            str(data.get("error", "internal_error")),
            str(data.get("channel", "")),
        )

    def to_json(self) -> dict[str, Any]:
        """Give what `parse` reads."""
        return {
            "method": self.method,
            "effect": self.effect.value,
            "times": self.times,
            "seconds": self.seconds,
            "error": self.error,
            "channel": self.channel,
        }


@dataclass
class Faults:
    """The faults that are on; none at the start.

    Attributes:
        calls: failing Web API calls; the first that fits is used.
        api_latency: seconds that every Web API answer is late.
        event_delay: seconds that every envelope is late.
        event_shuffle: each envelope is late by up to so many seconds at random, so that they overtake.
        lose_events: events are sent to nobody.
        duplicate: every envelope is sent twice: events under a new envelope ID, the rest under the same.
        refuse_sockets: the WebSocket handshake is answered with 503.
        rate_limits: the tiers of Slack's rate limits are enforced.
        ack_seconds: time that Slack waits for an acknowledgement.
    """

    calls: list[CallFault] = field(default_factory=list)
    api_latency: float = 0.0
    event_delay: float = 0.0
    event_shuffle: float = 0.0
    lose_events: bool = False
    duplicate: bool = False
    refuse_sockets: bool = False
    rate_limits: bool = False
    ack_seconds: float = 3.0

    def set(self, data: Mapping[str, Any]) -> None:
        """Set the faults that are named, and leave the others.

        Args:
            data: decoded JSON; `calls` replaces the list.

        Raises:
            ClientActionError: an unknown name or a value of a wrong kind; nothing was set.
        """
        _refuse_unknown(data, Faults)
        changed: dict[str, Any] = {}
        for name, value in data.items():
            if name == "calls":
                if not isinstance(value, list):
                    raise ClientActionError("calls: must be a list")
                changed[name] = [CallFault.parse(item) for item in value]
            elif isinstance(getattr(self, name), bool):
                if not isinstance(value, bool):
                    raise ClientActionError(f"{name}: must be true or false")
                changed[name] = value
            elif isinstance(value, int | float) and not isinstance(value, bool) and value >= 0:
                changed[name] = float(value)
            else:
                raise ClientActionError(f"{name}: must be a number of seconds")
        for name, value in changed.items():
            setattr(self, name, value)

    def clear(self) -> None:
        """Turn all faults off."""
        fresh = Faults()
        for item in fields(Faults):
            setattr(self, item.name, getattr(fresh, item.name))

    def take(self, method: str, arguments: Mapping[str, Any]) -> CallFault | None:
        """Give the fault that a call of a method meets, and count it."""
        for fault in self.calls:
            is_meant = not fault.channel or fault.channel in (arguments.get("channel"), arguments.get("channel_id"))
            if fault.method in ("*", method) and is_meant:
                if fault.times is not None:
                    fault.times -= 1
                    if fault.times <= 0:
                        self.calls.remove(fault)
                return fault
        return None

    def to_json(self) -> dict[str, Any]:
        """Give every fault with its value."""
        answer = {item.name: getattr(self, item.name) for item in fields(self)}
        answer["calls"] = [fault.to_json() for fault in self.calls]
        return answer


def _refuse_unknown(data: Mapping[str, Any], kind: type) -> None:
    known = [item.name for item in fields(kind)]
    for name in data:
        if name not in known:
            raise ClientActionError(f"{name}: unknown; known are {', '.join(known)}")
