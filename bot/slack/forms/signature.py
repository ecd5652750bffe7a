"""The form behind the button *Sign*: how to sign, and one field for the signature."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.domain.runs.run import Gate, Run
from bot.slack.forms.fields import long_text_input, short_text
from bot.slack.forms.form import text_value
from bot.slack.publish.replies import Sender
from bot.slack.render.cards.approval.signatures import file_name
from bot.slack.render.context import RenderContext
from bot.slack.render.message import Block, section

SIGNATURE_FORM = "run_signature"
"""The `callback_id` of the form."""

_SIGNATURE = "signature"


@dataclass(frozen=True)
class HandedIn:
    """A submitted form.

    Args:
        run: ID of the run whose plan is signed.
        sender: who submitted it, where the button was pressed.
        signature: as it was pasted.
    """

    run: str
    sender: Sender
    signature: str


def signature_view(run: Run, gate: Gate, sender: Sender, ctx: RenderContext) -> Block:
    """Build the modal."""
    translate = ctx.translator.translate
    return {
        "type": "modal",
        "callback_id": SIGNATURE_FORM,
        "title": short_text(translate("form.sign.title")),
        "submit": short_text(translate("form.sign.submit")),
        "close": short_text(translate("form.close")),
        "private_metadata": json.dumps(
            {"run": run.id, "channel": sender.channel, "thread": sender.thread, "url": sender.url}
        ),
        "blocks": [
            section(translate("form.sign.what", file=file_name(gate), run=run.id)),
            long_text_input(_SIGNATURE, translate("form.sign.signature"), translate("form.sign.signature.empty")),
        ],
    }


def read_signature(body: Mapping[str, Any]) -> HandedIn | None:
    """Parse a submitted form; None where the view is another one."""
    view = body["view"]
    if view.get("callback_id") != SIGNATURE_FORM:
        return None
    where, values = json.loads(view["private_metadata"]), view["state"]["values"]
    sender = Sender(str(body["user"]["id"]), where["channel"], where.get("thread", ""), where.get("url", ""))
    return HandedIn(where["run"], sender, text_value(values, _SIGNATURE))
