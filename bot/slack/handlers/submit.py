"""Submitting what somebody asked for, and telling them alone what was made of a time that they typed."""

from __future__ import annotations

from bot.domain.runs.request import Request
from bot.domain.runs.run import Run
from bot.slack.context import SlackContext
from bot.slack.publish.replies import Sender


async def submit(context: SlackContext, request: Request, sender: Sender) -> Run:
    """Submit a request; where it is to begin at a time, answer when that is.

    Args:
        context: what the conversation shares.
        request: parsed.
        sender: who asked, and where.

    Raises:
        RefusedError: what the engine answers.
    """
    run = await context.engine.submit(request)
    start = run.request.start
    if start is not None:
        translator, now = await context.translator_for(sender.user), context.clock.now()
        left = (start.at - now).total_seconds()
        text = translator.translate(
            "answer.starts_at" if left > 0 else "answer.starts_now",
            run=run.id,
            shown=start.shown,
            left=translator.duration(left),
            at=translator.moment(start.at),
            until=translator.moment(start.until),
        )
        await context.replies.send_text(sender, text)
    return run
