"""The buttons of a run: cancel, log, retry, roll back, and the decisions about a run that needs one."""

from __future__ import annotations

from dataclasses import replace

from bot.domain.errors import Reason, RefusedError, problem
from bot.domain.inbox import MessageState
from bot.domain.runs.decisions import waits_for_decision
from bot.domain.runs.request import BackupOptions, Origin, OverdueBackup, Request, RollbackOptions
from bot.domain.runs.run import Run
from bot.slack.context import SlackContext
from bot.slack.handlers.button_press import ButtonPress, read_press
from bot.slack.render import markup
from bot.slack.render.cards.run.run_card import CANCEL, DECISIONS, RETRY, ROLLBACK
from bot.slack.render.cards.run.run_card import LOG as LOG_BUTTON
from bot.slack.render.log_file import tail_text
from bot.slack.render.markup import Markup
from bot.slack.render.message import join_lines
from bot.slack.render.run_messages import CARD, LOG
from bot.slack.transport.inbox import ReceivedEvent

_LOG_LINES = 20
_LOG_CHARACTERS = 2400


def _rollback_of(again: Request) -> Request:
    """Return the request of `/rollback APP ENV`; its plan determines what it goes back to."""
    name = again.target
    return replace(again, options=RollbackOptions(), typed=f"/rollback {name.app} {name.environment}")


class RunButtonHandler:
    """Handles the buttons of a run.

    Args:
        context: what the conversation shares.
    """

    def __init__(self, context: SlackContext) -> None:
        self._context = context
        self._engine = context.engine
        self._messages = context.messages
        self._translator = context.translator

    async def __call__(self, received: ReceivedEvent) -> None:
        """Handle a pressed button; others are left alone."""
        press = read_press(received)
        if press is None or press.action not in (CANCEL, RETRY, LOG_BUTTON, *DECISIONS):
            return
        run = await self._engine.get(press.value)
        if run is None:
            await self._reply(press, self._translator.translate("answer.run_gone", run=press.value))
            return
        try:
            match press.action:
                case action if action == CANCEL:
                    await self._engine.cancel(run.id, press.user)
                case action if action == RETRY:
                    await self._engine.submit(self._again(press, run))
                case action if action == ROLLBACK and not waits_for_decision(run):
                    await self._engine.submit(_rollback_of(self._again(press, run)))
                case action if action in DECISIONS:
                    await self._engine.decide(run.id, DECISIONS[action], self._again(press, run).origin)
                case _:
                    await self._show_log(press, run)
        except RefusedError as refused:
            await self._reply(press, self._translator.refusal_text(refused.problem))

    def _again(self, press: ButtonPress, run: Run) -> Request:
        """Return the same request, made by the person who pressed the button.

        Raises:
            RefusedError: the operations file no longer has the target.
        """
        target = run.request.target
        if target not in self._engine.operations.targets:
            raise RefusedError(problem(Reason.UNKNOWN_ENVIRONMENT, app=target.app, environment=target.environment))
        # A notice of an overdue backup becomes a request for that backup.
        options = run.request.options
        renewed = BackupOptions() if isinstance(options, OverdueBackup) else options
        return replace(
            run.request,
            options=renewed,
            origin=Origin(press.user, press.channel or run.request.origin.channel, press.event),
        )

    async def _show_log(self, press: ButtonPress, run: Run) -> None:
        tail = tail_text(await self._engine.output(run.id), self._context.masker, _LOG_LINES)
        if not tail.strip():
            await self._reply(press, self._translator.translate("answer.log_empty", run=run.id))
            return
        posted = (await self._messages.of_run(run.id)).get(LOG)
        is_there = posted is not None and posted.state is MessageState.POSTED and bool(posted.ts)
        where = self._translator.translate("answer.log_file") if is_there else ""
        intro = self._translator.translate("answer.log", run=run.id, where=Markup(where))
        await self._reply(press, join_lines((intro, markup.code_block(tail, _LOG_CHARACTERS))))

    async def _reply(self, press: ButtonPress, text: Markup) -> None:
        card = (await self._messages.of_run(press.value)).get(CARD)
        channel = press.channel or (card.channel if card else "")
        await self._context.replies.send_text(channel, press.user, text)
