"""The answer to `/backup list`: which backups there are, how far each is known to be good. Reads well on a phone."""

from __future__ import annotations

from bot.domain.backups.backup import KeptBackup, Proof, Shelf, predicted_seconds
from bot.domain.backups.leftovers import Remains
from bot.slack.render import markup
from bot.slack.render.markup import Markup
from bot.slack.render.message import Message, context, lines, message, section
from bot.slack.render.text import Sentences

_MOST = 12

_EMOJI = {Proof.PROVEN: "✅", Proof.CHECKED: "☑️", Proof.REFUTED: "", Proof.DAMAGED: ""}


def backups_card(shelf: Shelf, sentences: Sentences) -> Message:
    """Build the answer.

    Args:
        shelf: what there is.
        sentences: of the language that is spoken.
    """
    say, count = sentences.say, sentences.count
    names = {"app": shelf.app, "environment": shelf.environment}
    title = say("backups.title", target=f"{shelf.app} {shelf.environment}")
    shown = shelf.backups[:_MOST]
    rest = len(shelf.backups) - len(shown)
    none = say("backups.none", target=f"{shelf.app} {shelf.environment}", **names)
    broken = markup.inline(markup.clip(", ".join(shelf.unreadable), 300))
    return message(
        title if shelf.backups else none,
        (
            section(title if shelf.backups else none),
            *(section(_line(kept, shelf, sentences)) for kept in shown),
            context(count("plan.more", rest)) if rest else None,
            section(say("backups.broken", names=broken)) if shelf.unreadable else None,
            context(say("backups.how", **names)) if shelf.backups else None,
            *(section(_left(one, sentences)) for one in shelf.remains or ()),
            context(say("backups.left.how", **names)) if shelf.remains else None,
            context(say("backups.left.unread")) if shelf.remains is None else None,
        ),
        "countersign_backups",
        {
            **names,
            "backups": [{"backup": kept.backup, "proof": kept.proof.value} for kept in shown],
            "remains": [one.database for one in shelf.remains or ()],
        },
    )


def _left(one: Remains, sentences: Sentences) -> Markup:
    return sentences.say(
        f"backups.left.{one.left.value}",
        database=one.database,
        run=one.run,
        size=sentences.size(one.bytes),
        tables=sentences.count("backups.holds", one.tables),
    )


def _line(kept: KeptBackup, shelf: Shelf, sentences: Sentences) -> Markup:
    say = sentences.say
    predicted = None if kept.proof.is_bad else predicted_seconds(kept, shelf)
    when = markup.time_of_day(kept.proven_at) if kept.proven_at else ""
    return lines(
        (
            say(
                "backups.line",
                id=kept.backup,
                when=markup.time_of_day(kept.started),
                size=sentences.size(kept.bytes),
                tables=sentences.count("backups.tables", len(kept.chosen)) if kept.chosen else "",
                emoji=_EMOJI[kept.proof],
                proof=say(f"proof.{kept.proof.value}", when=when),
                restore=sentences.duration(max(predicted, 1)) if predicted is not None else "",
                purpose=say(f"backups.purpose.{kept.purpose.value}"),
                encrypted=say("backups.encrypted") if kept.encrypted else "",
            ),
        )
    )
