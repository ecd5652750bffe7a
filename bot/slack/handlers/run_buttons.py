"""The buttons of a run: cancel, log, retry, roll back, and the decisions about a run that needs one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from bot.domain.errors import Reason, RefusedError, problem
from bot.domain.inbox import MessageState
from bot.domain.names import Ref, TargetName
from bot.domain.runs.decisions import waits_for_decision
from bot.domain.runs.request import (
    NO_EXCEPTIONS,
    BackupOptions,
    DeployOptions,
    Origin,
    OverdueBackup,
    PolicyExceptions,
    Request,
    RollbackOptions,
)
from bot.domain.runs.run import Run
from bot.domain.runs.start_time import StartTime
from bot.slack.context import SlackContext
from bot.slack.forms.reasons import read_reasons, reasons_view
from bot.slack.handlers.button_press import ButtonPress, read_press
from bot.slack.handlers.commands import STALE
from bot.slack.publish.replies import Sender
from bot.slack.render import markup
from bot.slack.render.cards.run.run_card import CANCEL, DECISIONS, PROMOTE, RETRY, ROLLBACK
from bot.slack.render.cards.run.run_card import LOG as LOG_BUTTON
from bot.slack.render.log_file import tail_text
from bot.slack.render.markup import Markup
from bot.slack.render.message import join_lines
from bot.slack.render.run_messages import CARD, LOG
from bot.slack.transport.gateway import SlackBusyError, SlackRefusedError, SlackUncertainError
from bot.slack.transport.inbox import ReceivedEvent

_LOG_LINES = 20
_LOG_CHARACTERS = 2400


def _is_of_run(action: str) -> bool:
    return action in (CANCEL, RETRY, LOG_BUTTON, *DECISIONS) or action.startswith(PROMOTE)


def _origin(run: Run, user: str, channel: str, event: str) -> Origin:
    return Origin(user, channel or run.request.origin.channel, event)


def _retry_of(run: Run, again: Request, exceptions: PolicyExceptions) -> Request:
    """Return the run's request with new exceptions; where it had some, what was typed names its old reason."""
    typed = again.typed if run.request.exceptions == NO_EXCEPTIONS else f"retry {run.id}{exceptions.typed}"
    return replace(again.with_exceptions(exceptions), typed=typed)


def _promotion_of(run: Run, environment: str, origin: Origin) -> Request:
    """Return the request of `/deploy APP ENV COMMIT` in another environment, of the commit that a run made live."""
    sha = run.plan.sha.text if run.plan is not None and run.plan.sha is not None else ""
    target = TargetName(run.request.target.app, environment)
    typed = f"/deploy {target.app} {target.environment} {sha}"
    return Request(DeployOptions(Ref(sha).text), target, origin, typed)


def _rollback_of(again: Request, exceptions: PolicyExceptions) -> Request:
    """Return the request of `/rollback APP ENV`; its plan determines what it goes back to."""
    name = again.target
    typed = f"/rollback {name.app} {name.environment}{exceptions.typed}"
    return replace(again, options=RollbackOptions(exceptions=exceptions), typed=typed)


class RunButtonHandler:
    """Handles the buttons of a run.

    Args:
        context: what the conversation shares.
    """

    def __init__(self, context: SlackContext) -> None:
        self._context = context
        self._engine = context.engine
        self._messages = context.messages

    async def __call__(self, received: ReceivedEvent) -> None:
        """Handle a pressed button; others are left alone."""
        press = read_press(received)
        if press is None or not _is_of_run(press.action):
            return
        run = await self._find(press.value, press.sender)
        if run is None:
            return
        async with self._refusals_answered(run, press.sender):
            match press.action:
                case action if action == CANCEL:
                    await self._engine.cancel(run.id, press.user)
                case action if action == LOG_BUTTON:
                    await self._show_log(press, run)
                case action if action.startswith(PROMOTE):
                    origin = _origin(run, press.user, press.channel, press.event)
                    promotion = _promotion_of(run, action.removeprefix(PROMOTE), origin)
                    self._require_target(promotion.target)
                    await self._engine.submit(promotion)
                case _ if run.request.exceptions == NO_EXCEPTIONS:
                    again = self._again(run, _origin(run, press.user, press.channel, press.event))
                    await self._ask(press.action, run, again, NO_EXCEPTIONS)
                case _:
                    await self._open_form(press, run)

    async def submitted(self, received: ReceivedEvent) -> None:
        """Handle a submitted form with the reasons for a button's request; others are left alone."""
        given = read_reasons(received.payload)
        if given is None or self._context.clock.now() - received.at > STALE:
            return
        run = await self._find(given.run, given.sender)
        if run is None:
            return
        async with self._refusals_answered(run, given.sender):
            again = self._again(run, _origin(run, given.sender.user, given.sender.channel, received.id))
            await self._ask(given.action, run, again, given.exceptions)

    async def _find(self, name: str, sender: Sender) -> Run | None:
        """Read a run; answer where there is none."""
        run = await self._engine.get(name)
        if run is None:
            translator = await self._context.translator_for(sender.user)
            await self._reply(name, sender, translator.translate("answer.run_gone", run=name))
        return run

    @asynccontextmanager
    async def _refusals_answered(self, run: Run, sender: Sender) -> AsyncIterator[None]:
        """Answer a refusal to the person alone."""
        try:
            yield
        except RefusedError as refused:
            translator = await self._context.translator_for(sender.user)
            await self._reply(run.id, sender, translator.refusal_text(refused.problem))

    async def _ask(self, action: str, run: Run, again: Request, exceptions: PolicyExceptions) -> None:
        """Request what a button stands for.

        Args:
            action: the button's `action_id`.
            run: whose button it is.
            again: the run's request, by the person who pressed it.
            exceptions: those for which that person gave a reason.

        Raises:
            RefusedError: what the engine answers.
        """
        if action == RETRY:
            await self._engine.submit(_retry_of(run, again, exceptions))
        elif action == ROLLBACK and not waits_for_decision(run):
            await self._engine.submit(_rollback_of(again, exceptions))
        else:
            await self._engine.decide(run.id, DECISIONS[action], again.origin, exceptions)

    async def _open_form(self, press: ButtonPress, run: Run) -> None:
        """Ask for the reasons again: those of the run's request do not count for another person or another time."""
        ctx = await self._context.render_context_for(press.user)
        view = reasons_view(run, press.action, press.sender, ctx)
        try:
            await self._context.gateway.open_view(press.trigger, view)
        except (SlackRefusedError, SlackBusyError, SlackUncertainError):
            await self._reply(run.id, press.sender, ctx.translator.translate("answer.form_not_opened"))

    def _again(self, run: Run, origin: Origin) -> Request:
        """Return the same request, made by another person.

        Args:
            run: whose request it is.
            origin: who presses a button of it, and where.

        Raises:
            RefusedError: the operations file no longer has the target.
        """
        self._require_target(run.request.target)
        # A notice of an overdue backup becomes a request for that backup.
        options = run.request.options
        renewed = BackupOptions() if isinstance(options, OverdueBackup) else options
        if isinstance(renewed, DeployOptions) and isinstance(renewed.at, StartTime):
            renewed = replace(renewed, at=renewed.at.again)
        return replace(run.request, options=renewed, origin=origin)

    def _require_target(self, target: TargetName) -> None:
        """Make sure that the operations file has a target.

        Raises:
            RefusedError: it does not, or no longer.
        """
        if target not in self._engine.operations.targets:
            raise RefusedError(problem(Reason.UNKNOWN_ENVIRONMENT, app=target.app, environment=target.environment))

    async def _show_log(self, press: ButtonPress, run: Run) -> None:
        translate = (await self._context.translator_for(press.user)).translate
        tail = tail_text(await self._engine.output(run.id), self._context.masker, _LOG_LINES)
        if not tail.strip():
            await self._reply(run.id, press.sender, translate("answer.log_empty", run=run.id))
            return
        posted = (await self._messages.of_run(run.id)).get(LOG)
        is_there = posted is not None and posted.state is MessageState.POSTED and bool(posted.ts)
        where = translate("answer.log_file") if is_there else ""
        intro = translate("answer.log", run=run.id, where=Markup(where))
        text = join_lines((intro, markup.code_block(tail, _LOG_CHARACTERS)))
        await self._reply(run.id, press.sender, text)

    async def _reply(self, run: str, sender: Sender, text: Markup) -> None:
        """Reply where the person is; on the App Home, in the thread of the run."""
        card = (await self._messages.of_run(run)).get(CARD)
        if not sender.channel and card is not None:
            sender = replace(sender, channel=card.channel, thread=card.ts)
        await self._context.replies.send_text(sender, text)
