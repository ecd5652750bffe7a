"""Who is meant by a list of people, with and without notifying them."""

from __future__ import annotations

from bot.domain.people import People
from bot.slack import markup
from bot.slack.markup import Markup
from bot.slack.scene import Scene

MOST_MENTIONS = 5


def approvers(people: People, scene: Scene) -> Markup:
    """Name the lists of people, without notifying anybody."""
    if people.anyone:
        return scene.sentences.say("approval.anyone")
    names = people.names or tuple(scene.names.get(user, user) for user in sorted(people.users))
    return Markup(", ".join(markup.bold(markup.clip(name, 60)) for name in names[:MOST_MENTIONS]))


def mentions(people: People, without: str) -> Markup:
    """Mention those who must decide, a handful at most.

    Args:
        people: the list.
        without: somebody who cannot decide, such as the requester; empty for nobody.
    """
    groups = [markup.group(identifier) for identifier in sorted(people.groups)]
    users = [markup.user(identifier) for identifier in sorted(people.users - {without})]
    return Markup(" ".join((groups + users)[:MOST_MENTIONS]))


def unmentioned(people: People, without: str) -> int:
    """Count those whom `mentions` leaves out."""
    return max(len(people.groups) + len(people.users - {without}) - MOST_MENTIONS, 0)


def emoji(name: str) -> Markup:
    """Show an emoji by its name."""
    return Markup(f":{markup.inline(name)}:")
