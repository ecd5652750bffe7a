"""Tells people what could not be told where it belongs: in the thread, or else to each of them alone."""

from __future__ import annotations

import logging

from bot.domain.errors import Reason
from bot.domain.inbox import CARD, MessageState, Posted
from bot.domain.policies.people import NOBODY
from bot.domain.runs.run import Run
from bot.slack.context import SlackContext
from bot.slack.render import markup
from bot.slack.render.cards.approval.people import mentions_of_all
from bot.slack.render.context import RenderContext, action_name, target_name
from bot.slack.render.markup import Markup
from bot.slack.render.message import text_message
from bot.slack.render.run_messages import LOG, PLAN_FILE
from bot.slack.transport.gateway import SlackRefusedError, SlackUncertainError
from bot.slack.transport.refusals import CLOSED, UNREACHABLE, RefusalKind, kind_of

_log = logging.getLogger(__name__)

PREFIX = "undelivered:"
"""The beginning of the slots in which it is remembered that people were told."""

VOTES, SEED = "votes", "seed"
"""In place of a slot: reading the reactions to a request to approve, and adding the first ones."""

_PEOPLE = f"{PREFIX}people"
"""The slot in which it is remembered that people were told outside of the channel."""

_NOT_IN_THE_THREAD = frozenset({RefusalKind.CHANNEL, RefusalKind.PARENT})
"""Refusals of a message after which a notice in the thread would be refused too."""

_NO_MESSAGES = frozenset({VOTES, SEED, LOG, PLAN_FILE})
"""What is refused there is no message, so one may be accepted."""

_ABOUT_CLOSED = {
    Reason.NOT_IN_CHANNEL: "undelivered.channel.invite",
    Reason.CHANNEL_ARCHIVED: "undelivered.channel.archived",
}
_MAX_PEOPLE = 10


class UndeliveredNotices:
    """Posts a notice for each message of a run that Slack refuses, once.

    Args:
        context: what the conversation shares.
    """

    def __init__(self, context: SlackContext) -> None:
        self._context = context
        self._gateway = context.gateway
        self._messages = context.messages

    async def tell(self, run: Run, slot: str, error: str, posted: dict[str, Posted]) -> None:
        """Tell that a message was refused: in the thread where there is one, else the people themselves.

        Args:
            run: whose message it is.
            slot: of the message.
            error: Slack's own name of the reason.
            posted: the messages of the run by slot; the notice is added.

        Raises:
            SlackBusyError: Slack asks to wait; not everybody is told.
        """
        if f"{PREFIX}{slot}" in posted:
            return
        channel = run.request.origin.channel
        card = posted.get(CARD)
        ts = ""
        if card is not None and card.ts and (slot in _NO_MESSAGES or kind_of(error) not in _NOT_IN_THE_THREAD):
            ts = await self._post(channel, self._about_message(run, slot, error), card.ts)
        if not ts and _PEOPLE not in posted:
            # Whatever else is refused in this channel, they have been told to look elsewhere.
            await self._tell_people(run, error)
            await self._save(Posted(run.id, _PEOPLE, channel, "", "", MessageState.POSTED), posted)
        await self._save(Posted(run.id, f"{PREFIX}{slot}", channel, ts, "", MessageState.POSTED), posted)

    async def _save(self, notice: Posted, posted: dict[str, Posted]) -> None:
        await self._messages.save(notice)
        posted[notice.slot] = notice

    async def _tell_people(self, run: Run, error: str) -> None:
        """Tell the requester; for a run of a schedule, those who are to be alerted, and the target's other channels."""
        asker = run.request.origin.user
        if asker[:1] in ("U", "W"):
            await self._tell_person(asker, run, error)
            return
        target = self._context.operations.targets.get(run.request.target)
        alert = target.backups.alert if target is not None and target.backups is not None else NOBODY
        for user in sorted(alert.users)[:_MAX_PEOPLE]:
            await self._tell_person(user, run, error)
        for channel in target.channels if target is not None else ():
            if channel != run.request.origin.channel and await self._post(
                channel, self._about_channel(run, error, mentions_of_all(alert), self._context.render_context()), None
            ):
                return

    async def _tell_person(self, user: str, run: Run, error: str) -> None:
        ctx = await self._context.render_context_for(user)
        await self._post(user, self._about_channel(run, error, Markup(""), ctx), None)

    async def _post(self, channel: str, text: Markup, thread: str | None) -> str:
        """Post a text, and return its `ts`; empty where it is refused, or may not have arrived."""
        try:
            return (await self._gateway.post(channel, text_message(text), thread)).ts
        except (SlackRefusedError, SlackUncertainError) as failed:
            _log.warning("somebody is not told of a refused message: %s", failed)
            if thread is not None and isinstance(failed, SlackRefusedError) and kind_of(failed.error) in UNREACHABLE:
                self._context.channels.refused(channel, failed.error)
            return ""

    def _about_message(self, run: Run, slot: str, error: str) -> Markup:
        translate = self._context.translator.translate
        if slot == VOTES:
            return translate("undelivered.votes", run=run.id, error=error)
        key = f"undelivered.{slot.partition(':')[0]}"
        what = translate(key if self._context.translator.has(key) else "undelivered.other")
        return translate("undelivered.message", what=what, run=run.id, error=error)

    def _about_channel(self, run: Run, error: str, who: Markup, ctx: RenderContext) -> Markup:
        return ctx.translator.translate(
            _ABOUT_CLOSED[CLOSED[error]] if error in CLOSED else "undelivered.channel",
            who=who,
            action=action_name(run, ctx),
            target=target_name(run),
            run=run.id,
            channel=markup.channel(run.request.origin.channel),
            error=error,
        )
