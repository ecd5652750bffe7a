"""The current state of the workspace. Every change goes through here and is published to the feed."""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping
from typing import Any

from bot.playground.client.expiring_ids import ResponseUrls, Triggers
from bot.playground.client.views import View
from bot.playground.errors import SlackError
from bot.playground.workspace.changes import Changes
from bot.playground.workspace.emoji import EMOJI
from bot.playground.workspace.messages import Conversation, Ephemeral, File, PostedMessage
from bot.playground.workspace.workspace import Person, Workspace

SLACKBOT = "USLACKBOT"


class State:
    """Everything that is in the workspace.

    Attributes:
        base_url: where the server answers, ending in `/`; files and response URLs start with it.
    """

    def __init__(self, workspace: Workspace, base_url: str = "http://127.0.0.1/") -> None:
        """Start as described by the workspace file."""
        self.workspace = workspace
        self.base_url = base_url
        self.changes = Changes()
        self.people = {person.id: person for person in workspace.people}
        self.files: dict[str, File] = {}
        self.ephemerals: list[Ephemeral] = []
        self.views: dict[str, View] = {}
        self.homes: dict[str, View] = {}
        self.stacks: dict[str, list[str]] = {}
        self.triggers = Triggers()
        self.response_urls = ResponseUrls()
        self._last_ts = 0
        self._numbers = itertools.count(1)
        created = int(time.time())
        self.conversations = {
            channel.id: Conversation(
                channel.id,
                channel.name,
                list(channel.members),
                created,
                channel.topic,
                channel.is_private,
                channel.is_archived,
            )
            for channel in workspace.channels
        }
        for person in workspace.people:
            if not person.is_bot:
                members = [person.id, workspace.app.bot_user_id]
                direct = "D" + person.id[1:]
                self.conversations[direct] = Conversation(direct, "", members, created, person=person.id)

    # identities

    def next_ts(self) -> str:
        """Give a message timestamp that no other message has; later ones are greater."""
        self._last_ts = max(self._last_ts + 1, time.time_ns() // 1000)
        return f"{self._last_ts // 1_000_000}.{self._last_ts % 1_000_000:06d}"

    def next_id(self, prefix: str) -> str:
        """Give an identifier that is used nowhere else, such as `F00001`."""
        return f"{prefix}{next(self._numbers):05d}PLAY"

    # finding

    def person(self, user: str) -> Person:
        """Find a person.

        Raises:
            SlackError: user_not_found.
        """
        if user not in self.people:
            raise SlackError("user_not_found")
        return self.people[user]

    def conversation(self, channel: str) -> Conversation:
        """Find a channel by its ID, or a person's direct messages by the person's ID.

        Raises:
            SlackError: channel_not_found.
        """
        if channel in self.people and not self.people[channel].is_bot:
            channel = "D" + channel[1:]
        if channel not in self.conversations:
            raise SlackError("channel_not_found")
        return self.conversations[channel]

    def message(self, channel: str, ts: str) -> PostedMessage:
        """Find a message.

        Raises:
            SlackError: channel_not_found or message_not_found.
        """
        message = self.conversation(channel).messages.get(ts)
        if message is None or message.tombstone:
            raise SlackError("message_not_found")
        return message

    @property
    def emoji(self) -> dict[str, str]:
        """Every emoji by its shortcode, the workspace's own included."""
        return {**EMOJI, **self.workspace.emoji}

    # messages

    def post(self, message: PostedMessage) -> PostedMessage:
        """Put a message into its channel."""
        conversation = self.conversation(message.channel)
        message.blocks = self.name_blocks(message.blocks)
        if message.thread_ts is not None:
            parent = conversation.messages[message.thread_ts]
            parent.thread_ts = parent.ts
            self.tell_message(parent)
        conversation.messages[message.ts] = message
        self.tell_message(message)
        return message

    def name_blocks(self, blocks: list[Any] | None) -> list[Any] | None:
        """Give every block and every element an ID where the app gave none, as Slack does."""
        if blocks is None:
            return None
        named = []
        for block in blocks:
            copy = {**block, "block_id": block.get("block_id") or self.next_id("b")}
            for key in ("elements",):
                if block["type"] == "actions":
                    copy[key] = [self._name_element(element) for element in block[key]]
            for key in ("accessory", "element"):
                if key in block:
                    copy[key] = self._name_element(block[key])
            named.append(copy)
        return named

    def _name_element(self, element: Mapping[str, Any]) -> dict[str, Any]:
        if element.get("type") == "image":
            return dict(element)
        return {**element, "action_id": element.get("action_id") or self.next_id("a")}

    def tell_message(self, message: PostedMessage) -> None:
        """Publish to the feed how a message looks now."""
        self.changes.publish("message", self.message_for_page(message))

    def delete(self, message: PostedMessage) -> None:
        """Take a message away; one that has replies leaves a tombstone."""
        conversation = self.conversation(message.channel)
        if any(other.thread_ts == message.ts and other is not message for other in conversation.messages.values()):
            message.tombstone = True
            message.text = "This message was deleted."
            message.blocks, message.metadata, message.attachments = None, None, None
            message.reactions, message.files = {}, []
            self.tell_message(message)
            return
        del conversation.messages[message.ts]
        self.changes.publish("message_deleted", {"channel": message.channel, "ts": message.ts})

    def post_ephemeral(self, ephemeral: Ephemeral) -> Ephemeral:
        """Show a message to one person alone."""
        self.ephemerals.append(ephemeral)
        self.changes.publish("ephemeral", ephemeral.to_json())
        return ephemeral

    def delete_ephemeral(self, ts: str) -> None:
        """Take an ephemeral message away, if it is still there."""
        self.ephemerals = [ephemeral for ephemeral in self.ephemerals if ephemeral.ts != ts]
        self.changes.publish("ephemeral_deleted", {"ts": ts})

    def say_as_slackbot(self, channel: str, user: str, text: str) -> None:
        """Show somebody a notice of Slack itself, such as that a command failed."""
        self.post_ephemeral(Ephemeral(channel, self.next_ts(), user, SLACKBOT, text))

    # reactions

    def react(self, message: PostedMessage, user: str, name: str) -> None:
        """Add a reaction.

        Raises:
            SlackError: already_reacted.
        """
        users = message.reactions.setdefault(name, [])
        if user in users:
            raise SlackError("already_reacted")
        users.append(user)
        self.tell_message(message)

    def unreact(self, message: PostedMessage, user: str, name: str) -> None:
        """Take a reaction away.

        Raises:
            SlackError: no_reaction.
        """
        users = message.reactions.get(name, [])
        if user not in users:
            raise SlackError("no_reaction")
        users.remove(user)
        if not users:
            del message.reactions[name]
        self.tell_message(message)

    # how others see it

    def message_json(self, message: PostedMessage, *, with_metadata: bool) -> dict[str, Any]:
        """Give the message object of Slack's API."""
        answer: dict[str, Any] = {
            "type": "message",
            "user": message.user,
            "text": message.text,
            "ts": message.ts,
            "team": self.workspace.team.id,
        }
        if message.tombstone:
            answer |= {"subtype": "tombstone", "user": SLACKBOT, "hidden": True}
        if message.bot_id:
            answer |= {
                "bot_id": message.bot_id,
                "app_id": self.workspace.app.id,
                "bot_profile": self.bot_profile(),
            }
        for key in ("blocks", "attachments", "edited", "thread_ts"):
            value = getattr(message, key)
            if value is not None:
                answer[key] = value
        if message.thread_ts is not None:
            answer |= self._thread_json(message)
        if message.reactions:
            answer["reactions"] = message.reactions_json()
        if message.files:
            answer["files"] = [self.files[file].to_json(self.base_url) for file in message.files]
        if message.pinned:
            answer["pinned_to"] = [message.channel]
        if with_metadata and message.metadata is not None:
            answer["metadata"] = message.metadata
        return answer

    def _thread_json(self, message: PostedMessage) -> dict[str, Any]:
        conversation = self.conversation(message.channel)
        if message.is_reply:
            parent = conversation.messages.get(message.thread_ts or "")
            answer: dict[str, Any] = {"parent_user_id": parent.user if parent else SLACKBOT}
            return answer | ({"subtype": "thread_broadcast"} if message.broadcast else {})
        replies = [reply for reply in conversation.thread(message.ts) if reply is not message]
        if not replies:
            return {}
        return {
            "reply_count": len(replies),
            "reply_users": list(dict.fromkeys(reply.user for reply in replies)),
            "reply_users_count": len({reply.user for reply in replies}),
            "latest_reply": replies[-1].ts,
            "is_locked": False,
            "subscribed": False,
        }

    def message_for_page(self, message: PostedMessage) -> dict[str, Any]:
        """Give a message with everything: metadata, reactions, and what its files hold."""
        return {
            **self.message_json(message, with_metadata=True),
            "channel": message.channel,
            "broadcast": message.broadcast,
        }

    def bot_profile(self) -> dict[str, Any]:
        """Give the app's bot as messages name it."""
        app = self.workspace.app
        return {"id": app.bot_id, "app_id": app.id, "name": app.name, "team_id": self.workspace.team.id}

    def user_json(self, person: Person) -> dict[str, Any]:
        """Give the user object of Slack's API."""
        return {
            "id": person.id,
            "team_id": person.team or self.workspace.team.id,
            "name": person.name,
            "deleted": person.deleted,
            "color": person.colour.removeprefix("#"),
            "real_name": person.real_name,
            "tz": person.tz,
            "profile": {
                "real_name": person.real_name,
                "display_name": person.display_name,
                "title": person.title,
                "team": self.workspace.team.id,
                **({"bot_id": self.workspace.app.bot_id} if person.is_bot else {}),
            },
            "is_admin": False,
            "is_owner": False,
            "is_restricted": person.is_restricted,
            "is_ultra_restricted": person.is_ultra_restricted,
            "is_bot": person.is_bot,
            "is_app_user": False,
            "updated": 0,
            **({"is_stranger": True} if person.is_stranger else {}),
            **({"enterprise_user": self._enterprise_user(person)} if person.teams else {}),
        }

    @staticmethod
    def _enterprise_user(person: Person) -> dict[str, Any]:
        return {
            "id": person.id,
            "enterprise_id": "E0PLAY",
            "enterprise_name": "Playground",
            "is_admin": False,
            "is_owner": False,
            "teams": list(person.teams),
        }
