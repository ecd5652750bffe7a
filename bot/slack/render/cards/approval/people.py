"""Naming the people of a list, with and without notifying them."""

from __future__ import annotations

from bot.domain.policies.called import MAX_CALLED
from bot.domain.policies.people import People
from bot.domain.policies.policy import Requirement
from bot.domain.runs.run import Gate, Run
from bot.slack.render import markup
from bot.slack.render.context import RenderContext
from bot.slack.render.markup import Markup

_MAX_ALL = 50


def approvers(people: People, ctx: RenderContext) -> Markup:
    """Name lists of people, without notifying anybody."""
    if people.anyone:
        return ctx.translator.translate("approval.anyone")
    lists = people.names or tuple(ctx.names.get(user, user) for user in sorted(people.users))
    return Markup(", ".join(markup.bold(markup.clip(name, 60)) for name in lists[:MAX_CALLED]))


def mentions(people: People, *without: str) -> Markup:
    """Mention the people who must decide, the first `MAX_CALLED` of them.

    Args:
        people: the list.
        *without: people who need not decide, such as the requester; empty names are ignored.
    """
    return Markup(" ".join(_each(people, without)[:MAX_CALLED]))


def mentions_of_turn(people: People, turn: int, *without: str) -> Markup:
    """Mention the people whose turn it is to be called: `MAX_CALLED` each time, then the first ones again.

    Args:
        people: the list.
        turn: 0 for those whom `mentions` calls.
        *without: people who need not decide.
    """
    everybody = _each(people, without)
    turns = max(-(-len(everybody) // MAX_CALLED), 1)
    start = turn % turns * MAX_CALLED
    return Markup(" ".join(everybody[start : start + MAX_CALLED]))


def mentions_of_all(people: People, *without: str) -> Markup:
    """Mention everybody of a list; of a very long one, the first fifty."""
    return Markup(" ".join(_each(people, without)[:_MAX_ALL]))


def mention_of_requester(run: Run, requirement: Requirement) -> Markup:
    """Mention the requester where anybody may approve, who asked included: nobody else is called by name."""
    asker = run.request.origin.user
    is_theirs = requirement.eligible.anyone and requirement.allow_requester and asker[:1] in ("U", "W")
    return markup.user(asker) if is_theirs else Markup("")


def unmentioned(people: People, *without: str) -> int:
    """Count the people whom `mentions` leaves out."""
    return max(len(_each(people, without)) - MAX_CALLED, 0)


def _each(people: People, without: tuple[str, ...]) -> list[Markup]:
    groups = [markup.group(identifier) for identifier in sorted(people.groups)]
    return groups + [markup.user(identifier) for identifier in sorted(people.users.difference(without))]


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
