"""Looking up people and user groups in Slack."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from bot.domain.policies.people import Roster
from bot.domain.runs.start_time import known_zone
from bot.slack.transport.gateway import Gateway
from bot.slack.transport.read_cache import ReadCache

_FRESH_SECONDS = 60.0
"""How long a look-up is cached; failures are not cached."""

_NAME_SECONDS = 3600.0
_LOCALE_SECONDS = 0.7
"""Limit for looking up a language: an answer in another one is better than a late one."""

_ZONE_SECONDS = 3.0
"""Limit for looking up a time zone."""

_SLACKBOT = "USLACKBOT"
_EXCLUDED = (
    "deleted",
    "is_bot",
    "is_app_user",
    "is_workflow_bot",
    "is_restricted",
    "is_ultra_restricted",
    "is_stranger",
    "is_invited_user",
)


class SlackDirectory:
    """Implements `bot.engine.ports.Directory`, and names people for cards.

    Args:
        gateway: Slack's Web API.
        team: returns the workspace's ID; empty while it is unknown.
    """

    def __init__(self, gateway: Gateway, team: Callable[[], str]) -> None:
        self._team = team
        self._people = ReadCache(lambda user: gateway.user_info(user))
        self._groups = ReadCache(lambda group: gateway.group_members(group))
        self._handles = ReadCache(lambda _: gateway.group_handles())

    async def roster(self, users: frozenset[str], groups: frozenset[str]) -> Roster:
        """Look up users and the members of user groups; those that cannot be looked up are missing.

        Args:
            users: Slack's IDs of users.
            groups: Slack's IDs of user groups.
        """
        return await self._roster(users, groups, _FRESH_SECONDS)

    async def current_roster(self, users: frozenset[str], groups: frozenset[str]) -> Roster:
        """Look up as `roster` does, and believe no earlier answer."""
        return await self._roster(users, groups, 0.0)

    async def _roster(self, users: frozenset[str], groups: frozenset[str], fresh: float) -> Roster:
        people, members = await asyncio.gather(
            asyncio.gather(*(self._look_up(user, fresh) for user in sorted(users))),
            asyncio.gather(*(self._members(group, fresh) for group in sorted(groups))),
        )
        known = dict(zip(sorted(users), people, strict=True))
        humans = frozenset(user for user, person in known.items() if person and self._counts(person))
        others = frozenset(user for user, person in known.items() if person and not self._counts(person))
        members_of = dict(zip(sorted(groups), members, strict=True))
        return Roster({group: users for group, users in members_of.items() if users is not None}, humans, others)

    async def names(self, users: frozenset[str]) -> dict[str, str]:
        """Look up the names of people; those who cannot be looked up are missing."""
        asked = sorted(users)
        people = await asyncio.gather(*(self._look_up(user, _NAME_SECONDS) for user in asked))
        return {user: _called(person) for user, person in zip(asked, people, strict=True) if person and _called(person)}

    async def locale(self, user: str) -> str:
        """Look up the locale in which a person uses Slack, such as `fr-FR`; empty where it is not known soon.

        Args:
            user: Slack's ID.
        """
        return _locale_of(await self._look_up_soon(user, _LOCALE_SECONDS))

    async def zone(self, user: str) -> str:
        """Look up a person's time zone (IANA); empty where it is not known soon, or no zone that is known here.

        Args:
            user: Slack's ID.
        """
        person = await self._look_up_soon(user, _ZONE_SECONDS)
        return known_zone(str((person or {}).get("tz") or ""))

    def known_locale(self, user: str) -> str:
        """Return the locale of a person who was looked up before; empty for others.

        Args:
            user: Slack's ID.
        """
        return _locale_of(self._people.known(user))

    async def handles(self, groups: frozenset[str]) -> dict[str, str]:
        """Look up the handles of user groups; those that cannot be looked up are missing."""
        if not groups:
            return {}
        known = await self._handles.get("", _NAME_SECONDS)
        return {group: handle for group, handle in (known or {}).items() if group in groups and handle}

    async def _look_up_soon(self, user: str, seconds: float) -> dict[str, Any] | None:
        try:
            async with asyncio.timeout(seconds):
                return await self._look_up(user, _NAME_SECONDS)
        except TimeoutError:
            return None

    async def _look_up(self, user: str, fresh: float) -> dict[str, Any] | None:
        return await self._people.get(user, fresh)

    async def _members(self, group: str, fresh: float) -> frozenset[str] | None:
        return await self._groups.get(group, fresh)

    def _counts(self, person: dict[str, Any]) -> bool:
        """Return whether this is an active person and full member of this workspace."""
        own = self._team()
        is_elsewhere = bool(own) and own not in _teams(person, own)
        return not is_elsewhere and person.get("id") != _SLACKBOT and not any(person.get(flag) for flag in _EXCLUDED)


def _teams(person: dict[str, Any], unsaid: str) -> frozenset[str]:
    """Return the workspaces that somebody is a member of.

    In an Enterprise Grid organisation `team_id` is one of several, whatever the workspace: `enterprise_user.teams` has
    them all. A person of another organisation (Slack Connect) has the teams of that one.

    Args:
        person: as `users.info` describes them.
        unsaid: the workspace of somebody of whom no workspace is named.
    """
    named = (person.get("enterprise_user") or {}).get("teams")
    if isinstance(named, list) and named:
        return frozenset(str(team) for team in named)
    return frozenset({str(person.get("team_id") or unsaid)})


def _locale_of(person: dict[str, Any] | None) -> str:
    return str((person or {}).get("locale") or "")


def _called(person: dict[str, Any]) -> str:
    profile = person.get("profile") or {}
    return str(profile.get("display_name") or profile.get("real_name") or person.get("real_name") or person.get("name"))
