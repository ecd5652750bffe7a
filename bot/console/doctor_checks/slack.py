"""Slack: both tokens, the scopes, the channels and the people that the operations file names."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError

from bot.config.settings import Settings
from bot.console.check import long_list
from bot.console.doctor_checks.check_result import CheckResult, fail, ok, warn
from bot.domain.emoji import is_standard_emoji
from bot.domain.policies.called import long_lists
from bot.domain.policies.people import People
from bot.domain.runs.request import Action
from bot.domain.targets.target import EmojiNames, Operations
from bot.slack.doctor import SlackCheck, check_scopes, check_tokens
from bot.slack.manifest import SCOPES
from bot.slack.transport.gateway import (
    Gateway,
    SlackBusyError,
    SlackRefusedError,
    SlackUncertainError,
    build_client,
    open_session,
)

_MAX_PEOPLE = 50
"""Slack answers about a hundred such questions a minute."""

_MAX_NAMED = 10
_MAX_CONCURRENT = 4
_Trouble = (SlackRefusedError, SlackBusyError, SlackUncertainError)


async def check_slack(settings: Settings, operations: Operations) -> tuple[CheckResult, ...]:
    """Check everything of Slack that is configured.

    Args:
        settings: the tokens, and where the Web API is.
        operations: the channels and people.
    """
    outcomes = await check_tokens(settings.slack_bot_token, settings.slack_app_token, settings.slack_api_url)
    found = [_result(one) for one in outcomes]
    if not outcomes[0].ok:
        return (*found, fail("Slack channels and people", "skipped: the bot token is refused (above)"))
    async with open_session() as session:
        gateway = Gateway(build_client(settings.slack_bot_token.reveal(), settings.slack_api_url, session))
        found += _emoji(operations.emoji)
        found += [
            warn(f"approvers of {command} by policy {policy}", long_list(number))
            for (policy, command), number in sorted(long_lists(operations.targets).items())
        ]
        return (*found, *await _channels(gateway, operations), *await _people(gateway, operations.people.values()))


def _result(outcome: SlackCheck) -> CheckResult:
    if not outcome.ok:
        return fail(outcome.check, outcome.detail)
    [all_there] = check_scopes(SCOPES)
    # A scope that the bot can do without, or a server that does not list them.
    if outcome.check == all_there.check and outcome != all_there:
        return warn(outcome.check, outcome.detail)
    return ok(outcome.check, outcome.detail)


def _emoji(emoji: EmojiNames) -> list[CheckResult]:
    """Name the emoji that only a workspace with an emoji of its own under this name has."""
    custom = [name for name in (*emoji.approve, *emoji.reject) if not is_standard_emoji(name)]
    return [
        warn(
            "emoji", f"{name} is none of Slack's own: it counts only if your workspace has a custom emoji of that name"
        )
        for name in custom
    ]


async def _channels(gateway: Gateway, operations: Operations) -> list[CheckResult]:
    channels = sorted({channel for target in operations.targets.values() for channel in target.channels})
    found = [await _channel(gateway, channel) for channel in channels]
    for channel in channels:
        found += await _absent(gateway, channel, operations)
        found += await _never_approved(gateway, channel, operations)
    return found


async def _never_approved(gateway: Gateway, channel: str, operations: Operations) -> list[CheckResult]:
    """Name the requests of a channel that can never get their approvals from the people who are there."""
    targets = [target for target in operations.targets.values() if channel in target.channels]
    gates = {
        (target.policy.name, command): (requirement, target.policy)
        for target in targets
        for command, requirement in target.policy.approve.items()
    }
    found = []
    try:
        members = await gateway.channel_members(channel)
        for (name, command), (requirement, policy) in sorted(gates.items(), key=lambda gate: gate[0]):
            if requirement.people.anyone:
                continue
            able = await _active(gateway, await _members_of(gateway, requirement.people) & members)
            asking = policy.run.get(Action(command)) if command in {action.value for action in Action} else None
            what = f"approvers of {command} by policy {name} in {channel}"
            if len(able) < requirement.needed:
                found.append(
                    fail(
                        what,
                        f"{requirement.needed} must approve, and only {len(able)} can: the others are deactivated, not "
                        "in the channel or in no group - name or invite more",
                    )
                )
            elif asking is not None and not requirement.allow_requester and len(able) == requirement.needed:
                askers = await _members_of(gateway, asking) & members
                if askers and askers <= able and not asking.anyone:
                    found.append(
                        warn(
                            what,
                            f"{requirement.needed} must approve, and whoever may ask is one of the {len(able)} who "
                            "can: no request is ever approved - name or invite more",
                        )
                    )
    except _Trouble:
        return []  # that the channel or a group cannot be read is a finding of its own
    return found


async def _members_of(gateway: Gateway, people: People) -> frozenset[str]:
    users = set(people.users)
    for group in sorted(people.groups):
        users |= await gateway.group_members(group)
    return frozenset(users)


async def _active(gateway: Gateway, users: frozenset[str]) -> frozenset[str]:
    """Leave out who is deactivated; of very many people nobody is asked about."""
    if len(users) > _MAX_PEOPLE:
        return users
    return frozenset([user for user in users if not (await gateway.user_info(user)).get("deleted")])


async def _absent(gateway: Gateway, channel: str, operations: Operations) -> list[CheckResult]:
    """Name the approvers who are not in a channel, where no mention reaches them."""
    people = [
        requirement.people
        for target in operations.targets.values()
        if channel in target.channels
        for requirement in target.policy.approve.values()
    ]
    users = {user for each in people for user in each.users}
    what = f"approvers in {channel}"
    try:
        members = await gateway.channel_members(channel)
        for group in sorted({group for each in people for group in each.groups}):
            users |= await gateway.group_members(group)
    except SlackRefusedError as refused:
        if refused.error != "missing_scope":
            return []  # that the channel or a group cannot be read is a finding of its own
        return [warn(what, "cannot tell who of them is there, as a scope is missing (above)")] if people else []
    except _Trouble:
        return []
    absent = sorted(users - members)
    if not absent:
        return []
    names = ", ".join([await _name(gateway, user) for user in absent[:_MAX_NAMED]])
    more = f" and {len(absent) - _MAX_NAMED} more" if len(absent) > _MAX_NAMED else ""
    return [warn(what, f"{names}{more} may approve and are not in the channel: no request calls them - invite them")]


async def _name(gateway: Gateway, user: str) -> str:
    try:
        person = await gateway.user_info(user)
    except _Trouble:
        return user
    return f"{person.get('real_name') or person.get('name') or user} ({user})"


async def _channel(gateway: Gateway, channel: str) -> CheckResult:
    what = f"Slack channel {channel}"
    try:
        answer = await gateway.client.conversations_info(channel=channel)
    except SlackApiError as error:
        name = str(error.response.get("error", "unknown_error"))
        if name == "missing_scope":
            return warn(what, "skipped: channels:read (groups:read for a private one) is missing")
        return fail(what, f"Slack answers {name} - check its ID; the bot must be invited to a private channel first")
    except (aiohttp.ClientError, SlackClientError, TimeoutError, OSError, ValueError) as error:
        return fail(what, f"Slack does not answer: {type(error).__name__}")
    about = answer.get("channel") or {}
    name = f"#{about.get('name')}"
    if about.get("is_archived"):
        return fail(what, f"{name} is archived - unarchive it, or name another one")
    if not about.get("is_member"):
        return fail(what, f"the bot is not in {name} and would hear no reaction there - invite it: /invite @NAME")
    return ok(what, f"the bot is in {name}")


async def _people(gateway: Gateway, lists: Iterable[People]) -> list[CheckResult]:
    lists = tuple(lists)
    users = sorted({user for people in lists for user in people.users})
    groups = sorted({group for people in lists for group in people.groups})
    places = asyncio.Semaphore(_MAX_CONCURRENT)

    async def one(name: str) -> str:
        async with places:
            return await (_group_trouble if name in groups else _user_trouble)(gateway, name)

    asked = [*groups, *users[:_MAX_PEOPLE]]
    troubles = [trouble for trouble in await asyncio.gather(*(one(name) for name in asked)) if trouble]
    if troubles:
        return [fail("Slack people", trouble) for trouble in troubles]
    left = f", {len(users) - _MAX_PEOPLE} more not looked at" if len(users) > _MAX_PEOPLE else ""
    counted = f"{len(users[:_MAX_PEOPLE])} users and {len(groups)} user groups known{left}"
    return [ok("Slack people", counted)] if asked else []


async def _user_trouble(gateway: Gateway, user: str) -> str:
    try:
        person = await gateway.user_info(user)
    except _Trouble as error:
        return f"{user}: Slack answers {error} - check the ID in `people:`"
    return f"{user} is deactivated - take the ID out of `people:`" if person.get("deleted") else ""


async def _group_trouble(gateway: Gateway, group: str) -> str:
    try:
        members = await gateway.group_members(group)
    except _Trouble as error:
        return f"user group {group}: Slack answers {error} - check the ID in `people:`"
    return "" if members else f"user group {group} has no members, so nobody in it can approve"
