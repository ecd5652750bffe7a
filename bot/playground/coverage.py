"""What of Slack the playground has, in part has, and lacks. docs/playground-reference.md shows it as a table."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Level(Enum):
    """How much of a feature is there."""

    SUPPORTED = "supported"
    PARTIAL = "partial"
    MISSING = "missing"


@dataclass(frozen=True)
class Feature:
    """A feature of Slack. `note` describes the difference where it is not fully supported."""

    kind: str
    name: str
    level: Level
    note: str = ""

    @property
    def source(self) -> str:
        """Where Slack documents the rules that stand for it here."""
        return f"{_REFERENCE}/{_SOURCES[self.kind].format(name=self.name.replace('_', '-'), method=self.name)}"


_REFERENCE = "https://docs.slack.dev"
_SOURCES = {
    "method": "reference/methods/{method}",
    "block": "reference/block-kit/blocks/{name}-block",
    "element": "reference/block-kit/block-elements",
    "event": "reference/events/{method}",
    "socket": "apis/events-api/using-socket-mode",
    "payload": "interactivity/handling-user-interaction",
}


def _features(kind: str, level: Level, text: str) -> tuple[Feature, ...]:
    lines = [line.strip().partition(" — ") for line in text.strip().splitlines()]
    return tuple(Feature(kind, name, level, note) for name, _, note in lines)


METHOD, BLOCK, ELEMENT, EVENT, SOCKET, PAYLOAD = "method", "block", "element", "event", "socket", "payload"

FEATURES: tuple[Feature, ...] = (
    *_features(
        METHOD,
        Level.SUPPORTED,
        """
        api.test
        auth.test
        blocks.validate
        apps.connections.open
        bots.info
        chat.delete
        chat.getPermalink
        chat.postEphemeral
        conversations.history
        conversations.info
        conversations.join
        conversations.members
        conversations.replies
        files.completeUploadExternal
        files.getUploadURLExternal
        pins.add
        pins.remove
        reactions.add
        reactions.get
        reactions.remove
        usergroups.list
        usergroups.users.list
        users.info
        users.list
        views.open
        views.publish
        views.push
        views.update
        """,
    ),
    *_features(
        METHOD,
        Level.PARTIAL,
        """
        chat.postMessage — a text above 40,000 characters is refused (msg_too_long), not cut; no unfurling
        chat.update — metadata and blocks that are not named stay; other arguments as in chat.postMessage
        conversations.list — no archived channels
        conversations.open — direct messages with one person; no group conversations
        files.info — the content is given up to 1 MiB
        """,
    ),
    *_features(
        METHOD,
        Level.MISSING,
        """
        chat.scheduleMessage
        chat.startStream
        chat.unfurl
        conversations.create
        conversations.invite
        files.delete
        files.upload — retired by Slack
        reactions.list
        search.messages
        usergroups.users.update
        users.lookupByEmail
        users.profile.get
        """,
    ),
    *_features(
        BLOCK,
        Level.SUPPORTED,
        """
        actions
        alert
        context
        divider
        header
        input
        plan
        table
        task_card
        """,
    ),
    *_features(
        BLOCK,
        Level.PARTIAL,
        """
        image — its description is shown; the page loads nothing from elsewhere
        markdown — headings, emphasis, lists, tables, code, quotes, links
        rich_text — its inner elements are not checked
        section — long ones in messages are folded by a count of lines (Slack: by height), unless they have `expand`
        """,
    ),
    *_features(
        BLOCK,
        Level.MISSING,
        """
        call
        card
        carousel
        context_actions
        file
        video
        """,
    ),
    *_features(
        ELEMENT,
        Level.SUPPORTED,
        """
        button
        checkboxes
        datepicker
        email_text_input
        number_input
        overflow
        plain_text_input
        radio_buttons
        static_select
        timepicker
        url_text_input
        users_select
        """,
    ),
    *_features(
        ELEMENT,
        Level.PARTIAL,
        """
        multi_static_select — shown as boxes to tick
        multi_users_select — shown as boxes to tick
        """,
    ),
    *_features(
        ELEMENT,
        Level.MISSING,
        """
        channels_select
        conversations_select
        datetimepicker
        external_select
        file_input
        rich_text_input
        workflow_button
        """,
    ),
    *_features(
        EVENT,
        Level.SUPPORTED,
        """
        app_home_opened
        file_shared
        reaction_added
        reaction_removed
        """,
    ),
    *_features(
        EVENT,
        Level.PARTIAL,
        """
        message — only if the workspace file subscribes to message.channels or the like; no edits and deletions
        """,
    ),
    *_features(
        EVENT,
        Level.MISSING,
        """
        app_mention
        channel_created
        member_joined_channel
        team_join
        user_change
        """,
    ),
    *_features(
        SOCKET,
        Level.SUPPORTED,
        """
        single-use URLs
        hello
        up to 10 sockets, each payload to any one of them
        acknowledgement with a payload
        disconnect: warning, refresh_requested, link_disabled, too_many_websockets
        ping and pong
        """,
    ),
    *_features(
        SOCKET,
        Level.PARTIAL,
        """
        retry of unacknowledged events — three times, `ack_seconds` apart (Slack: at once, after a minute, after five)
        """,
    ),
    *_features(
        SOCKET,
        Level.MISSING,
        """
        debug_reconnects
        Events API over HTTP
        """,
    ),
    *_features(
        PAYLOAD,
        Level.SUPPORTED,
        """
        slash_commands
        block_actions
        view_submission with response_action errors, update, push, clear
        view_closed
        response_url: 5 uses in 30 minutes, replace_original, delete_original, in_channel
        """,
    ),
    *_features(
        PAYLOAD,
        Level.PARTIAL,
        """
        trigger_id — expires after 3 seconds; a view that follows an event gets none
        rate limits — by tier and method, off until switched on
        scopes — one of the scopes of a method is enough, whatever the kind of channel
        """,
    ),
    *_features(
        PAYLOAD,
        Level.MISSING,
        """
        block_suggestion
        message and global shortcuts
        workflow steps
        """,
    ),
)


def coverage_table() -> str:
    """Give the table of docs/playground-reference.md."""
    lines = ["| kind | feature | here | what differs | its rules |", "| --- | --- | --- | --- | --- |"]
    lines += [
        f"| {feature.kind} | {feature.name} | {feature.level.value} | {feature.note} | [Slack]({feature.source}) |"
        for feature in FEATURES
    ]
    return "\n".join(lines)
