"""The form that asks for a reason again before a button repeats a request that was an exception from the policy."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.domain.runs.request import PolicyExceptions
from bot.domain.runs.run import Run
from bot.slack.forms.fields import short_text, text_input
from bot.slack.forms.form import text_value
from bot.slack.publish.replies import Sender
from bot.slack.render.context import RenderContext
from bot.slack.render.message import Block, section

REASONS_FORM = "run_reasons"
"""The `callback_id` of the form."""

_DURING_FREEZE, _EMERGENCY = "during_freeze", "emergency"


@dataclass(frozen=True)
class GivenReasons:
    """A submitted form.

    Args:
        action: the `action_id` of the button that opened it.
        run: ID of the run whose button it is.
        sender: who submitted it, where the button was pressed.
        exceptions: those for which a reason was given.
    """

    action: str
    run: str
    sender: Sender
    exceptions: PolicyExceptions


def reasons_view(run: Run, action: str, sender: Sender, ctx: RenderContext) -> Block:
    """Build the modal, with one empty field for each exception that the run's request had.

    Args:
        run: whose button was pressed.
        action: the button's `action_id`.
        sender: who pressed it, and where.
        ctx: the render context.
    """
    translate = ctx.translator.translate
    had = {_DURING_FREEZE: run.request.during_freeze, _EMERGENCY: run.request.emergency}
    fields = (
        text_input(name, translate(f"form.reasons.{name}"), translate(f"form.reasons.{name}.empty"))
        for name, reason in had.items()
        if reason is not None
    )
    return {
        "type": "modal",
        "callback_id": REASONS_FORM,
        "title": short_text(translate("form.reasons.title")),
        "submit": short_text(translate("form.reasons.submit")),
        "close": short_text(translate("form.close")),
        "private_metadata": json.dumps(
            {
                "action": action,
                "run": run.id,
                "channel": sender.channel,
                "thread": sender.thread,
                "url": sender.url,
            }
        ),
        "blocks": [section(translate("form.reasons.what", run=run.id)), *fields],
    }


def read_reasons(body: Mapping[str, Any]) -> GivenReasons | None:
    """Parse a submitted form; None where the view is another one."""
    view = body["view"]
    if view.get("callback_id") != REASONS_FORM:
        return None
    button, values = json.loads(view["private_metadata"]), view["state"]["values"]
    exceptions = PolicyExceptions(text_value(values, _DURING_FREEZE) or None, text_value(values, _EMERGENCY) or None)
    sender = Sender(str(body["user"]["id"]), button["channel"], button.get("thread", ""), button.get("url", ""))
    return GivenReasons(button["action"], button["run"], sender, exceptions)
