"""What a person asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from bot.domain.names import TargetName


class Action(StrEnum):
    """What a policy speaks about: who may ask for it and who countersigns it."""

    DEPLOY = "deploy"
    ROLLBACK = "rollback"
    BACKUP = "backup"
    RESTORE = "restore"
    MIGRATE_STATUS = "migrate-status"


DURING_FREEZE = "during_freeze"
"""The option that holds why something is to be changed though a freeze is on."""

EMERGENCY = "emergency"
"""The option that holds why something is to be changed before anybody has countersigned it."""


@dataclass(frozen=True)
class Origin:
    """Where a request came from.

    Args:
        user: Slack's ID of the person (`U…`), or `schedule`.
        channel: Slack's ID of the channel (`C…`).
        event: the identity of the event that brought it; the same event never makes two runs.
    """

    user: str
    channel: str
    event: str


@dataclass(frozen=True)
class Request:
    """A request that has been parsed: nothing raw goes further.

    Args:
        action: what is asked for.
        target: the app and the environment.
        origin: who asked, and where.
        options: the words that belong to the action (`ref`, `dry_run`, …), parsed by its command.
        typed: the command as it was typed, for the history.
    """

    action: Action
    target: TargetName
    origin: Origin
    options: Mapping[str, str] = field(default_factory=dict)
    typed: str = ""

    def to_json(self) -> dict[str, object]:
        """Give what `request_from_json` reads."""
        return {
            "action": self.action.value,
            "app": self.target.app,
            "environment": self.target.environment,
            "user": self.origin.user,
            "channel": self.origin.channel,
            "event": self.origin.event,
            "options": dict(self.options),
            "typed": self.typed,
        }


def request_from_json(data: Mapping[str, object]) -> Request:
    """Read what `Request.to_json` wrote.

    Raises:
        KeyError: a value is missing.
        ValueError: the action is unknown.
    """
    options = data["options"]
    return Request(
        action=Action(str(data["action"])),
        target=TargetName(str(data["app"]), str(data["environment"])),
        origin=Origin(str(data["user"]), str(data["channel"]), str(data["event"])),
        options={str(k): str(v) for k, v in options.items()} if isinstance(options, Mapping) else {},
        typed=str(data["typed"]),
    )
