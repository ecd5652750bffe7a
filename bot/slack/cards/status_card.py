"""The answer to `/migrate-status`: one sentence first, then what stands behind it. Reads well on a phone."""

from __future__ import annotations

from bot.domain.look import Session
from bot.domain.status import MigrationStatus, PastRun, Standing
from bot.slack import figures, markup
from bot.slack.markup import Markup
from bot.slack.message import Message, actions, button, context, dotted, lines, message, section
from bot.slack.scene import STATE_EMOJI
from bot.slack.sentences import Sentences

SHARE = "status_share"

_MOST_NAMES = 10
_MOST_SESSIONS = 3


def status_card(standing: Standing, sentences: Sentences, *, shared_by: str = "") -> Message:
    """Build the answer.

    Args:
        standing: what was read and what is remembered.
        sentences: of the language that is spoken.
        shared_by: Slack's ID of who shares it with the channel; empty for the answer to one person, which has a
            button to share it.
    """
    status = standing.status
    say = sentences.say
    headline = _headline(status, sentences)
    name = str(status.target)
    return message(
        headline,
        (
            section(lines((Markup(f"*{markup.inline(name)}* · {headline}"), *_pending(status, sentences)))),
            section(lines((*_obstacles(status, sentences), _maintenance(status, sentences)))),
            section(lines(_past(standing, sentences))),
            context(_figures(status, sentences)),
            context(say("status.shared", who=markup.user(shared_by)))
            if shared_by
            else actions("status_buttons", button(SHARE, say("button.share"), _value(status))),
        ),
        "countersign_status",
        {
            "app": status.target.app,
            "environment": status.target.environment,
            "head": status.head,
            "ran": len(status.ran),
            "pending": [*status.pending_live, *status.pending_branch],
            "missing": list(status.missing),
        },
    )


def _value(status: MigrationStatus) -> str:
    return f"{status.target.app} {status.target.environment}"


def _headline(status: MigrationStatus, sentences: Sentences) -> Markup:
    """Answer the on-call's question in one sentence: is the schema where the code needs it?"""
    count = sentences.count
    if status.pending_live:
        return count("status.live", len(status.pending_live))
    if status.missing:
        return count("status.missing", len(status.missing))
    if status.pending_branch:
        return count("status.waiting", len(status.pending_branch), branch=status.branch)
    return count("status.fine", len(status.ran))


def _pending(status: MigrationStatus, sentences: Sentences) -> tuple[Markup, ...]:
    say = sentences.say
    at_branch = say("status.at_branch", branch=status.branch, sha=status.branch_sha[:7])
    return (
        *_names(say("status.at_live", sha=status.head[:7]), status.pending_live, sentences),
        *_names(at_branch, status.pending_branch, sentences),
        *_names(say("status.gone"), status.missing, sentences),
        say("status.branch_unknown", branch=status.branch) if not status.branch_sha else Markup(""),
    )


def _names(title: Markup, names: tuple[str, ...], sentences: Sentences) -> tuple[Markup, ...]:
    if not names:
        return ()
    shown = [Markup("• " + markup.code(markup.clip(name, 120))) for name in names[:_MOST_NAMES]]
    rest = len(names) - len(shown)
    return (title, *shown, sentences.count("plan.more", rest) if rest else Markup(""))


def _obstacles(status: MigrationStatus, sentences: Sentences) -> tuple[Markup, ...]:
    say = sentences.say
    if not status.blockers:
        return (say("status.clear") if status.sees_all_sessions else say("status.cannot_see"),)
    shown = [_session(session, sentences) for session in status.blockers[:_MOST_SESSIONS]]
    rest = len(status.blockers) - len(shown)
    return (*shown, sentences.count("plan.more", rest) if rest else Markup(""))


def _session(session: Session, sentences: Sentences) -> Markup:
    key = "status.waits" if session.waits else "status.open"
    query = markup.clip(session.query, 80)
    return sentences.say(
        key, id=str(session.id), user=session.user, seconds=figures.duration(session.seconds), query=query
    )


def _maintenance(status: MigrationStatus, sentences: Sentences) -> Markup:
    if not status.maintenance:
        return sentences.say("status.up")
    return sentences.say("status.down", hosts=", ".join(status.maintenance))


def _past(standing: Standing, sentences: Sentences) -> tuple[Markup, ...]:
    say = sentences.say
    going = say("status.going", run=standing.going) if standing.going else Markup("")
    return (going, _run("status.deploy", standing.last_deploy, sentences), _backup(standing.last_backup, sentences))


def _run(key: str, past: PastRun | None, sentences: Sentences) -> Markup:
    if past is None:
        return sentences.say(f"{key}.none")
    when = markup.time_of_day(past.ended_at)
    return sentences.say(f"{key}.last", emoji=STATE_EMOJI[past.state], run=past.run, when=when, sha=past.sha[:7])


def _backup(past: PastRun | None, sentences: Sentences) -> Markup:
    if past is None:
        return sentences.say("status.backup.none")
    return sentences.say("status.backup.last", id=past.backup, when=markup.time_of_day(past.ended_at))


def _figures(status: MigrationStatus, sentences: Sentences) -> Markup:
    say, count = sentences.say, sentences.count
    latest = status.last_batch
    return dotted(
        (
            count("status.ran", len(status.ran)),
            say("status.batch", name=markup.clip(latest[-1], 80)) if latest else "",
            status.server,
            say("status.size", size=figures.size(status.size_bytes)),
            say("status.free", size=figures.size(status.free_kib * 1024)),
        )
    )
