"""Naming the people of a list, with and without notifying them."""

from __future__ import annotations

from bot.domain.policies.people import People
from bot.domain.runs.run import Gate, Run
from bot.slack.render import markup
from bot.slack.render.context import RenderContext
from bot.slack.render.markup import Markup

MAX_MENTIONS = 5


def approvers(people: People, ctx: RenderContext) -> Markup:
    """Name lists of people, without notifying anybody."""
    if people.anyone:
        return ctx.translator.translate("approval.anyone")
    lists = people.names or tuple(ctx.names.get(user, user) for user in sorted(people.users))
    return Markup(", ".join(markup.bold(markup.clip(name, 60)) for name in lists[:MAX_MENTIONS]))


def mentions(people: People, *without: str) -> Markup:
    """Mention the people who must decide, `MAX_MENTIONS` at most.

    Args:
        people: the list.
        *without: people who need not decide, such as the requester; empty names are ignored.
    """
    groups = [markup.group(identifier) for identifier in sorted(people.groups)]
    users = [markup.user(identifier) for identifier in sorted(people.users.difference(without))]
    return Markup(" ".join((groups + users)[:MAX_MENTIONS]))


def unmentioned(people: People, *without: str) -> int:
    """Count the people whom `mentions` leaves out."""
    return max(len(people.groups) + len(people.users.difference(without)) - MAX_MENTIONS, 0)


def voters(run: Run, gate: Gate, choice: str) -> tuple[str, ...]:
    """Return the people whose vote on a gate counts.

    Args:
        run: the run.
        gate: its gate.
        choice: `approve` or `reject`.
    """
    return tuple(
        vote.user for vote in run.votes if vote.counts and vote.choice == choice and vote.digest == gate.digest
    )


def names(users: tuple[str, ...], ctx: RenderContext) -> Markup:
    """Name people without notifying them, ten at most."""
    return Markup(", ".join(ctx.name(user) for user in users[:10]))


def emoji(name: str) -> Markup:
    """Show an emoji by its name."""
    return Markup(f":{markup.inline(name)}:")
