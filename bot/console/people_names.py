"""What people and channels are called on the terminal: by what Slack said of them, else by the lists they are in."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from bot.console.words import ENGLISH, Words
from bot.domain.inbox import Event
from bot.domain.policies.people import CONSOLE

_OTHERS = frozenset({"schedule", "bot"})


@dataclass(frozen=True)
class PeopleNames:
    """Names for Slack's IDs.

    Args:
        people: names by ID, as Slack gave them.
        channels: the same of channels.
        words: of the language in which others are named.
        lists: the lists of the operations file, by the ID of who stands in them.
    """

    people: Mapping[str, str] = field(default_factory=dict)
    channels: Mapping[str, str] = field(default_factory=dict)
    lists: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    words: Words = ENGLISH

    def person(self, identifier: str) -> str:
        """Name who did something: a person, the schedule, the bot, or somebody at the console."""
        where, _, name = identifier.partition(":")
        if where == CONSOLE and name:
            return self.words.say("machine", name=name)
        if identifier in self.people:
            return self.people[identifier]
        lists = self.lists.get(identifier, ())
        if identifier in _OTHERS:
            return self.words.say(identifier)
        return f"{identifier} ({', '.join(lists)})" if lists else identifier

    def person_briefly(self, identifier: str) -> str:
        """Name who did something in one word, where that can be."""
        where, _, name = identifier.partition(":")
        return name if where == CONSOLE and name else self.people.get(identifier, identifier)

    def channel(self, identifier: str) -> str:
        """Name a channel."""
        name = self.channels.get(identifier)
        return f"#{name}" if name else identifier


def names_from(events: Iterable[Event], people: object, words: Words = ENGLISH) -> PeopleNames:
    """Take the names that are known on this machine.

    Args:
        events: commands, buttons and forms as Slack sent them, oldest first.
        people: the section of the operations file, as far as it can be read.
        words: of the language.
    """
    persons: dict[str, str] = {}
    channels: dict[str, str] = {}
    for event in events:
        payload = _payload(event.body)
        _take(persons, payload.get("user_id"), payload.get("user_name"))
        # In place of a private channel's name Slack may give this word.
        if payload.get("channel_name") != "privategroup":
            _take(channels, payload.get("channel_id"), payload.get("channel_name"))
        user, channel = payload.get("user"), payload.get("channel")
        if isinstance(user, dict):
            _take(persons, user.get("id"), user.get("name") or user.get("username"))
        if isinstance(channel, dict):
            _take(channels, channel.get("id"), channel.get("name"))
    return PeopleNames(persons, channels, _lists(people), words)


def _payload(body: str) -> Mapping[str, object]:
    try:
        stored = json.loads(body)
    except ValueError:
        return {}
    payload = stored.get("payload") if isinstance(stored, dict) else None
    return payload if isinstance(payload, dict) else {}


def _take(names: dict[str, str], identifier: object, name: object) -> None:
    if isinstance(identifier, str) and isinstance(name, str) and identifier and name:
        names[identifier] = name


def _lists(people: object) -> Mapping[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for name, members in people.items() if isinstance(people, dict) else ():
        for member in members if isinstance(members, list) else ():
            if isinstance(name, str) and isinstance(member, str):
                found[member] = (*found.get(member, ()), name)
    return found
