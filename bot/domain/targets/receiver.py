"""Receivers: who is told of what happens, and in which form."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bot.domain.secrets import Secret


class ReceiverKind(StrEnum):
    """What a receiver is told, and in which form."""

    WEBHOOK = "webhook"
    """Signed messages."""
    SENTRY = "sentry"
    """A release and its deploy."""
    GRAFANA = "grafana"
    """An annotation."""
    GITHUB = "github"
    """A deployment and its state."""


MARKED = ("run.succeeded", "run.failed")
"""Events of which the other kinds than webhooks are told, if none are named."""


@dataclass(frozen=True)
class Receiver:
    """One of `notify`.

    Args:
        kind: in which form it is told.
        url: where to; of kinds other than webhooks, the base of an API.
        secret: signs messages; of other kinds, the token of the API.
        events: names of those that it is told of.
        apps: of which apps; empty for all, and for what belongs to no app.
        project: at Sentry; empty takes the app's name.
        allow_private: whether it may be in a private network.
    """

    kind: ReceiverKind
    url: str
    secret: Secret
    events: tuple[str, ...]
    apps: tuple[str, ...] = ()
    project: str = ""
    allow_private: bool = False

    @property
    def host(self) -> str:
        """Host of the URL, with its port where one is written: the rest may be a secret."""
        return self.url.split("/")[2]
