"""The sentence about a database server that is itself a replica."""

from __future__ import annotations

from bot.domain.targets.look import Primary
from bot.slack.render.markup import Markup
from bot.slack.render.text import Translator


def replica_line(primary: Primary, translator: Translator) -> Markup:
    """Render that the server replicates from a primary, and how far it is behind.

    Args:
        primary: as the server reports it.
        translator: of the channel.
    """
    translate = translator.translate
    if primary.trouble:
        return translate("status.follows.stopped", address=primary.address, trouble=primary.trouble)
    if primary.seconds is None:
        return translate("status.follows.unsure", address=primary.address)
    if primary.seconds == 0:
        return translate("status.follows.current", address=primary.address)
    return translate("status.follows.behind", address=primary.address, seconds=translator.duration(primary.seconds))
