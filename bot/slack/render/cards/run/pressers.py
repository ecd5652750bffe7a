"""Who may press the buttons of an outcome, said above them: they look the same to everybody."""

from __future__ import annotations

from collections.abc import Sequence

from bot.domain.policies.people import People
from bot.domain.runs.request import Action
from bot.domain.runs.run import Run
from bot.slack.render import markup
from bot.slack.render.cards.approval.people import approvers
from bot.slack.render.cards.run.run_card import DECISIONS, ROLLBACK
from bot.slack.render.context import RenderContext
from bot.slack.render.markup import Markup
from bot.slack.render.message import Block, join_dots


def who_may_press(run: Run, buttons: Sequence[Block | None], ctx: RenderContext) -> Markup:
    """Render who may press the buttons below an outcome; empty where anybody may, or that is not known.

    Args:
        run: its snapshot.
        buttons: the ones that are shown, apart from those that lead to another environment, whose policy decides.
        ctx: the render context.
    """
    groups: dict[Markup, list[Markup]] = {}
    shown = [button for button in buttons if button is not None]
    for each in shown:
        who = _who(run, str(each["action_id"]), ctx)
        groups.setdefault(who, []).append(markup.inline(str(each["text"]["text"])))
    if len(groups) == 1 and len(shown) > 1:
        [who] = groups
        return ctx.translator.translate("press.all", who=who) if who else Markup("")
    return join_dots(
        tuple(
            ctx.translator.translate("press.some", buttons=Markup(", ".join(labels)), who=who)
            for who, labels in groups.items()
            if who
        )
    )


def _who(run: Run, name: str, ctx: RenderContext) -> Markup:
    if ctx.policy is None:
        return Markup("")
    lists: tuple[People, ...]
    if name == ROLLBACK and run.ended:
        lists = (ctx.policy.who_may(Action.ROLLBACK),)
    else:
        asked = run.gate.requirement if run.gate is not None else None
        lists = ctx.policy.who_may_choose(DECISIONS[name], run.request.action, asked)
    one, *others = dict.fromkeys(approvers(people, ctx) for people in lists if not people.anyone) or (Markup(""),)
    return ctx.translator.translate("press.both", one=one, other=others[0]) if others else one
