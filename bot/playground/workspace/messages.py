"""What is in a channel: messages, ephemeral messages, files."""

from __future__ import annotations

import codecs
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote


@dataclass(frozen=True)
class Share:
    """Where a file is shown: a message, in a thread where `thread_ts` is set; `kind` is `public` or `private`."""

    channel: str
    ts: str
    thread_ts: str | None
    kind: str

    def to_json(self) -> dict[str, Any]:
        """Give what the API says of it."""
        return {"ts": self.ts, **({"thread_ts": self.thread_ts} if self.thread_ts else {})}


@dataclass
class File:
    """An uploaded file; `content` is None until its upload URL was used."""

    id: str
    name: str
    length: int
    user: str
    created: int
    title: str = ""
    content: bytes | None = None
    snippet_type: str = ""
    shares: list[Share] = field(default_factory=list)
    is_text: bool = False

    def text(self, most: int) -> str | None:
        """Give the content, if it is text of at most `most` bytes."""
        if self.content is None or not self.is_text or len(self.content) > most:
            return None
        return self.content.decode(errors="replace")

    def to_json(self, base_url: str) -> dict[str, Any]:
        """Give the file object of Slack's API. Its content is there for whoever brings the app's token."""
        kind = self.name.rsplit(".", 1)[-1].lower() if "." in self.name else "text"
        url = f"{base_url}files-pri/{self.id}/{quote(self.name)}"
        return {
            "id": self.id,
            "created": self.created,
            "timestamp": self.created,
            "name": self.name,
            "title": self.title or self.name,
            "mimetype": "text/plain" if self.is_text else "application/octet-stream",
            "filetype": self.snippet_type or kind,
            "user": self.user,
            "size": self.length,
            "mode": "hosted",
            "is_external": False,
            "is_public": bool(self.shares),
            "url_private": url,
            "url_private_download": url,
            "permalink": f"{base_url}files/{self.id}/{quote(self.name)}",
            "channels": sorted({share.channel for share in self.shares}),
            "shares": {
                kind: {
                    channel: [one.to_json() for one in self.shares if one.channel == channel and one.kind == kind]
                    for channel in sorted({one.channel for one in self.shares if one.kind == kind})
                }
                for kind in sorted({one.kind for one in self.shares})
            },
        }

    def fill(self, content: bytes) -> None:
        """Take the uploaded content, and see whether it is text."""
        self.content = content
        self.is_text = _looks_like_text(content[:65536])


def _looks_like_text(start: bytes) -> bool:
    if b"\0" in start:
        return False
    try:
        codecs.getincrementaldecoder("utf-8")().decode(start)
    except UnicodeDecodeError:
        return False
    return True


@dataclass
class PostedMessage:
    """A message in a channel.

    `bot_id` is set if the app posted it. A `tombstone` stands where a message with replies was deleted.
    """

    channel: str
    ts: str
    user: str
    text: str
    bot_id: str | None = None
    blocks: list[Any] | None = None
    attachments: list[Any] | None = None
    metadata: dict[str, Any] | None = None
    thread_ts: str | None = None
    broadcast: bool = False
    reactions: dict[str, list[str]] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)
    edited: dict[str, str] | None = None
    tombstone: bool = False
    pinned: bool = False

    @property
    def is_reply(self) -> bool:
        """Whether it stands in another message's thread."""
        return self.thread_ts is not None and self.thread_ts != self.ts

    def reactions_json(self) -> list[dict[str, Any]]:
        """Give the reactions, the oldest emoji first."""
        return [
            {"name": name, "users": list(users), "count": len(users)} for name, users in self.reactions.items() if users
        ]


@dataclass(frozen=True)
class Ephemeral:
    """A message that one person sees until the page is loaded anew by Slack; `author` is a user ID."""

    channel: str
    ts: str
    user: str
    author: str
    text: str
    blocks: list[Any] | None = None
    thread_ts: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Give what the page shows."""
        return {
            "channel": self.channel,
            "ts": self.ts,
            "user": self.user,
            "author": self.author,
            "text": self.text,
            "blocks": self.blocks,
            "thread_ts": self.thread_ts,
        }


@dataclass
class Conversation:
    """A channel, or the direct messages between a person and the app (`person` is then set)."""

    id: str
    name: str
    members: list[str]
    created: int
    topic: str = ""
    is_private: bool = False
    is_archived: bool = False
    person: str | None = None
    messages: dict[str, PostedMessage] = field(default_factory=dict)

    def to_json(self, viewer: str) -> dict[str, Any]:
        """Give the conversation object of Slack's API, as a member or non-member sees it."""
        if self.person is not None:
            return {
                "id": self.id,
                "created": self.created,
                "is_im": True,
                "user": self.person,
                "is_archived": False,
            }
        return {
            "id": self.id,
            "name": self.name,
            "name_normalized": self.name,
            "is_channel": not self.is_private,
            "is_group": self.is_private,
            "is_im": False,
            "is_mpim": False,
            "is_private": self.is_private,
            "is_archived": self.is_archived,
            "is_general": self.name == "general",
            "created": self.created,
            "creator": "USLACKBOT",
            "is_member": viewer in self.members,
            "num_members": len(self.members),
            "topic": {"value": self.topic, "creator": "", "last_set": 0},
            "purpose": {"value": "", "creator": "", "last_set": 0},
        }

    def thread(self, ts: str) -> list[PostedMessage]:
        """Give a thread: its parent, then the replies, the oldest first."""
        return [message for message in self.messages.values() if ts in (message.ts, message.thread_ts)]
