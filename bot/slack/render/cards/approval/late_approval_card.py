"""After an emergency: what was done without approval is to be countersigned. Announced to the channel."""

from __future__ import annotations

from bot.domain.runs.approval import GateState
from bot.domain.runs.reminders import is_overdue
from bot.domain.runs.request import EMERGENCY
from bot.domain.runs.run import Gate, Run
from bot.slack.render import markup
from bot.slack.render.cards.approval.approval_card import what_is_approved
from bot.slack.render.cards.approval.people import approvers, emoji, mentions, names, unmentioned, voters
from bot.slack.render.context import Scene, action, target
from bot.slack.render.markup import Markup
from bot.slack.render.message import Message, context, lines, message, section


def afterwards_card(run: Run, gate: Gate, scene: Scene) -> Message:
    """Build the message in the thread that people react to afterwards.

    Args:
        run: an emergency that has passed its gate.
        gate: of the run.
        scene: what rendering needs beside it.
    """
    say = scene.sentences.say
    words = {"action": Markup(action(run, scene).lower()), "target": target(run)}
    needed = scene.sentences.count("approval.needed", gate.requirement.needed)
    given = voters(run, gate, "approve")
    key = "open" if gate.state in {GateState.OPEN, GateState.EXPIRED} else gate.state.value
    return message(
        say("afterwards.notification", needed=needed, run=run.id, **words),
        (
            section(lines((say(f"afterwards.{key}", **words), _why(run, scene), what_is_approved(run, scene)))),
            section(lines(_people(run, gate, needed, scene))),
            section(_outcome(run, gate, scene)),
            context(say("plan.digest", digest=gate.digest[:12])),
        ),
        "countersign_approval",
        {
            "run": run.id,
            "plan": gate.digest,
            "needed": gate.requirement.needed,
            "given": len(given),
            "state": gate.state.value,
            "approved_by": list(given),
            "afterwards": True,
        },
        announced=True,
    )


def _why(run: Run, scene: Scene) -> Markup:
    why = scene.masker.mask(run.request.options.get(EMERGENCY, ""))
    return scene.sentences.say("afterwards.why", asker=scene.name(run.request.origin.user), why=why)


def _people(run: Run, gate: Gate, needed: Markup, scene: Scene) -> tuple[Markup, ...]:
    say = scene.sentences.say
    given = voters(run, gate, "approve")
    requirement = gate.requirement
    count = (
        say("approval.by", who=names(given, scene), given=str(len(given)), needed=str(requirement.needed))
        if given
        else Markup("")
    )
    if not gate.owed:
        return (count,)
    asker = run.request.origin.user
    more = unmentioned(requirement.people, asker)
    until = markup.time_of_day(gate.expires_at)
    return (
        say("afterwards.overdue", until=until) if is_overdue(gate, scene.now) else Markup(""),
        say(
            "afterwards.who",
            needed=needed,
            who=mentions(requirement.people, asker) or approvers(requirement.people, scene),
            n=str(more) if more else "",
            asker=scene.name(asker),
        ),
        say(
            "afterwards.how",
            approve=emoji(scene.emoji.approve[0]),
            reject=emoji(scene.emoji.reject[0]),
            digest=gate.digest[:12],
            until=until,
        ),
        count,
    )


def _outcome(run: Run, gate: Gate, scene: Scene) -> Markup:
    say = scene.sentences.say
    match gate.state:
        case GateState.REJECTED:
            return say("afterwards.rejected_by", who=names(voters(run, gate, "reject"), scene))
        case GateState.VOID:
            return say("afterwards.void_note")
        case GateState.OPEN | GateState.APPROVED | GateState.EXPIRED:
            return Markup("")
