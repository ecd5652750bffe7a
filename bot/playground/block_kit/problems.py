"""Collects what Slack would refuse in a payload, in Slack's words, and judges text objects."""

from __future__ import annotations

import re
from typing import Any

_TOKEN = re.compile(r"<(?:[@#!][A-Za-z0-9]|https?:|mailto:)[^<>]*>")


def has_token(text: object) -> bool:
    """Say whether a text has a mention, link or date of mrkdwn."""
    return isinstance(text, str) and _TOKEN.search(text) is not None


class Problems:
    """Collects the sentences about one payload, each with its JSON pointer."""

    def __init__(self) -> None:
        """Start with none."""
        self.messages: list[str] = []

    def add(self, text: str, pointer: str) -> None:
        """Note a problem at a JSON pointer such as `/blocks/0/text`."""
        self.messages.append(f"{text} [json-pointer:{pointer}]")

    def length(self, value: object, pointer: str, limit: int) -> None:
        """Note a text that is missing, empty, or longer than `limit` characters."""
        if not isinstance(value, str):
            self.add("must be a string", pointer)
        elif len(value) > limit:
            self.add(f"must be less than {limit + 1} characters", pointer)
        elif not value:
            self.add("must be more than 0 characters", pointer)

    def count(self, value: object, pointer: str, least: int, most: int) -> list[Any]:
        """Note a list of a wrong size, and give its items (none if it is no list)."""
        if not isinstance(value, list):
            self.add("must be an array", pointer)
            return []
        if len(value) > most:
            self.add(f"no more than {most} items allowed", pointer)
        elif len(value) < least:
            self.add(f"must have at least {least} item" + ("s" if least > 1 else ""), pointer)
        return value


def plain(value: object, at: str, limit: int, problems: Problems) -> None:
    """Note what is wrong with a `plain_text` object of at most `limit` characters."""
    _text_object(value, at, limit, problems, ("plain_text",))


def either(value: object, at: str, limit: int, problems: Problems) -> None:
    """Note what is wrong with a `plain_text` or `mrkdwn` object of at most `limit` characters."""
    _text_object(value, at, limit, problems, ("plain_text", "mrkdwn"))


def _text_object(value: object, at: str, limit: int, problems: Problems, kinds: tuple[str, ...]) -> None:
    if not isinstance(value, dict):
        problems.add("must be an object", at) if value is not None else problems.add(
            f"missing required field: {at.rsplit('/', 1)[-1]}", at.rsplit("/", 1)[0]
        )
        return
    if value.get("type") not in kinds:
        problems.add(f"must be one of: {', '.join(kinds)}", f"{at}/type")
    extra = set(value) - {"type", "text", "emoji", "verbatim"}
    if extra:
        problems.add(f"no more fields allowed: {sorted(extra)[0]}", at)
    problems.length(value.get("text"), f"{at}/text", limit)
    if value.get("type") == "plain_text" and has_token(value.get("text")):
        # Slack takes it and shows the token itself, which no app means.
        problems.add("plain text shows mentions, links and dates as they are written", f"{at}/text")
    if "verbatim" in value and value.get("type") != "mrkdwn":
        problems.add("no more fields allowed: verbatim", at)
    if "emoji" in value and value.get("type") != "plain_text":
        problems.add("no more fields allowed: emoji", at)
