"""What Slack's refusals are about, by Slack's own names of them.

The names are those that Slack documents for chat.postMessage, chat.update and incoming webhooks
(https://docs.slack.dev/reference/methods/chat.postMessage).
"""

from __future__ import annotations

from enum import Enum, auto

from bot.domain.errors import Reason


class RefusalKind(Enum):
    """What a refusal is about, and so what may help."""

    METADATA = auto()
    """A message without metadata, or with others, may be accepted."""
    BLOCKS = auto()
    """A message without blocks may be accepted."""
    CONTENTS = auto()
    """It is not said which part: a message with less may be accepted. Also every name that is not known here."""
    BROADCAST = auto()
    """A reply that is not shown in the channel too may be accepted."""
    PARENT = auto()
    """The message under which a reply belongs takes none."""
    CHANNEL = auto()
    """The channel is closed to the bot until a person opens it."""
    RIGHTS = auto()
    """An administrator or a limit keeps the bot from posting there."""
    TOKEN = auto()
    """The token is not accepted, and no waiting mends it."""
    WORKSPACE = auto()
    """The workspace takes nothing at present."""


CLOSED = {
    "not_in_channel": Reason.NOT_IN_CHANNEL,
    "channel_not_found": Reason.NOT_IN_CHANNEL,
    "is_archived": Reason.CHANNEL_ARCHIVED,
    "channel_is_archived": Reason.CHANNEL_ARCHIVED,
    "is_inactive": Reason.CHANNEL_ARCHIVED,
}
"""What Slack's refusals say of a channel. It does not find a private channel of which the bot is no member."""

_NAMES = {
    RefusalKind.METADATA: (
        "invalid_metadata_format",
        "invalid_metadata_schema",
        "metadata_must_be_sent_from_app",
        "metadata_too_large",
    ),
    RefusalKind.BLOCKS: ("invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "msg_too_long"),
    RefusalKind.BROADCAST: ("cant_broadcast_message",),
    RefusalKind.PARENT: ("cannot_reply_to_message", "thread_not_found"),
    RefusalKind.CHANNEL: tuple(CLOSED),
    RefusalKind.RIGHTS: (
        "access_denied",
        "ekm_access_denied",
        "enterprise_is_restricted",
        "message_limit_exceeded",
        "messages_tab_disabled",
        "user_is_restricted",
    ),
    RefusalKind.TOKEN: (
        "account_inactive",
        "forbidden_team",
        "invalid_auth",
        "link_disabled",
        "missing_scope",
        "no_permission",
        "not_allowed_token_type",
        "not_authed",
        "team_access_not_granted",
        "token_expired",
        "token_revoked",
    ),
    # "org_login_required": the workspace is being moved to an organisation, and will be available again after that
    RefusalKind.WORKSPACE: (
        "accesslimited",
        "org_login_required",
        "team_added_to_org",
        "two_factor_setup_required",
    ),
}
_KINDS = {name: kind for kind, names in _NAMES.items() for name in names}
_RESTRICTED = "restricted_action"
"""The beginning of several names, such as `restricted_action_read_only_channel`."""

UNREACHABLE = frozenset({RefusalKind.CHANNEL, RefusalKind.RIGHTS, RefusalKind.TOKEN, RefusalKind.WORKSPACE})
"""Nothing else can be posted in the channel either."""


def kind_of(error: str) -> RefusalKind:
    """Return what a refusal is about.

    Args:
        error: Slack's own name of the reason.
    """
    if error.startswith(_RESTRICTED):
        return RefusalKind.RIGHTS
    return _KINDS.get(error, RefusalKind.CONTENTS)


def names_of(kind: RefusalKind) -> frozenset[str]:
    """Return the names of a kind."""
    return frozenset(_NAMES.get(kind, ()))
