"""`/ops`: parsed into an order, and answered to the person alone. No order creates a run."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

from bot.domain.errors import RefusedError
from bot.domain.names import TargetName
from bot.domain.ops_command import CancelRun, SetLock, ShowHelp, ShowStatus, TakeLockOff
from bot.domain.runs.request import Origin
from bot.domain.runs.run import BEFORE_CHANGE, RunState
from bot.slack.context import SlackContext
from bot.slack.forms import FORMS
from bot.slack.handlers.unlock import UnlockHandler
from bot.slack.publish.replies import Sender
from bot.slack.render.cards.status.help_card import help_text
from bot.slack.render.cards.status.ops_card import lock_set_card, ops_card
from bot.slack.render.context import RenderContext
from bot.slack.render.markup import Markup
from bot.slack.render.message import Message, text_message
from bot.slack.render.text import Translator

_FRESH = timedelta(minutes=1)
"""Maximum age of a snapshot that is not refreshed."""

_PATIENCE_SECONDS = 2.0
"""Limit for refreshing snapshots; after it the last known state is shown."""


class OpsHandler:
    """Handles `/ops`.

    Args:
        context: what the conversation shares.
        unlock: takes locks off.
    """

    def __init__(self, context: SlackContext, unlock: UnlockHandler) -> None:
        self._context = context
        self._engine = context.engine
        self._unlock = unlock

    async def handle(self, words: tuple[str, ...], origin: Origin, sender: Sender) -> None:
        """Carry out an order, and reply to the person alone.

        Args:
            words: typed after the slash command.
            origin: who typed it, and where.
            sender: where they see the answer.
        """
        ctx = await self._context.render_context_for(origin.user)
        try:
            reply = await self._carry_out(words, origin, ctx)
        except RefusedError as refused:
            reply = text_message(ctx.translator.refusal_text(refused.problem))
        await self._context.replies.send(sender, reply)

    async def _carry_out(self, words: tuple[str, ...], origin: Origin, ctx: RenderContext) -> Message:
        order = self._context.ops.parse(words, origin, self._context.operations)
        match order:
            case ShowStatus(targets):
                return await self._status(targets, ctx)
            case ShowHelp(targets):
                return text_message(await self._help(targets, origin.user, ctx.translator))
            case CancelRun(run):
                return text_message(await self._cancel(run, origin.user, ctx.translator))
            case SetLock(target, reason):
                return await self._lock(target, reason, origin.user, ctx)
            case TakeLockOff(target):
                return await self._unlock.answer(target, origin, ctx.translator)

    async def _status(self, targets: tuple[TargetName, ...], ctx: RenderContext) -> Message:
        """Refresh the targets for a moment; slower hosts are shown as last seen."""
        status_service = self._engine.status_service
        looking = asyncio.ensure_future(status_service.refresh(targets, _FRESH))
        await asyncio.wait({looking}, timeout=_PATIENCE_SECONDS)
        dashboard = await status_service.dashboard()
        return ops_card(dashboard.of(frozenset(targets)), replace(ctx, now=self._context.clock.now()))

    async def _lock(self, target: TargetName, reason: str, user: str, ctx: RenderContext) -> Message:
        lock = await self._engine.lock_service.lock(target, reason, user)
        # An event that is handled twice finds its own lock, which counts as new.
        is_new = (lock.owner, lock.reason) == (user, self._context.masker.mask(reason))
        [overview] = await self._engine.lock_service.overviews((target,))
        return lock_set_card(overview, is_new=is_new, ctx=ctx)

    async def _cancel(self, run: str, user: str, translator: Translator) -> Markup:
        translate = translator.translate
        before = await self._engine.get(run)
        after = await self._engine.cancel(run, user)
        if before is None or before.ended:
            return translate("ops.cancel.over", run=run, state=translate(f"state.{after.state.value}"))
        if before.state is RunState.NEEDS_HUMAN:
            return translate("ops.cancel.closed", run=run)
        if after.state in BEFORE_CHANGE or after.change_started_at is None:
            return translate("ops.cancel.before", run=run)
        return translate("ops.cancel.during", run=run)

    async def _help(self, targets: tuple[TargetName, ...], user: str, translator: Translator) -> Markup:
        """List what this person may do in this channel."""
        if not targets:
            return translator.translate("ops.none")
        allowed = await self._engine.lock_service.allowed(targets, user)
        commands = (spec for _, spec in sorted(self._context.commands.items()))
        return help_text(allowed, commands, frozenset(FORMS), translator)
