"""Buttons: cancel, open log, retry, roll back, and the decisions about a run that stopped half-way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from bot.domain.errors import Reason, RefusedError, problem
from bot.domain.inbox import MessageState
from bot.domain.runs.decisions import waits_for_decision
from bot.domain.runs.request import BackupOptions, Origin, OverdueBackup, Request, RollbackOptions
from bot.domain.runs.run import Run
from bot.domain.secrets import Masker
from bot.engine.stores import MessageStore
from bot.slack.ports import EngineApi
from bot.slack.publish.replies import Answers
from bot.slack.render import markup
from bot.slack.render.cards.run.run_card import CANCEL, DECISIONS, RETRY, ROLLBACK
from bot.slack.render.cards.run.run_card import LOG as LOG_BUTTON
from bot.slack.render.log_file import tail_text
from bot.slack.render.markup import Markup
from bot.slack.render.message import lines
from bot.slack.render.run_messages import CARD, LOG
from bot.slack.render.text import Translator
from bot.slack.transport.inbox import Received

_LOG_LINES = 20
_LOG_CHARACTERS = 2400


@dataclass(frozen=True)
class Press:
    """A button that was pressed.

    Args:
        action: its `action_id`.
        run: its `value`.
        user: who pressed it.
        channel: where.
        event: the identity of the event.
    """

    action: str
    run: str
    user: str
    channel: str
    event: str


def read_press(received: Received) -> Press | None:
    """Read a payload of a button; None where it is no button of a run."""
    body: Mapping[str, Any] = received.payload
    pressed = (body.get("actions") or [{}])[0]
    channel = (body.get("channel") or {}).get("id") or (body.get("container") or {}).get("channel_id") or ""
    if not pressed.get("value"):
        return None
    user = str(body["user"]["id"])
    return Press(str(pressed.get("action_id")), str(pressed["value"]), user, str(channel), received.id)


def _rollback_of(again: Request) -> Request:
    """Ask for what `/rollback APP ENV` asks for; its plan says where that leads now."""
    name = again.target
    return replace(again, options=RollbackOptions(), typed=f"/rollback {name.app} {name.environment}")


class ButtonHandler:
    """Does what a button says.

    Args:
        engine: the engine.
        messages: which messages a run has.
        answers: tells people what was wrong.
        translator: of the language that is spoken.
        masker: of everything that leaves the program.
    """

    def __init__(
        self, engine: EngineApi, messages: MessageStore, answers: Answers, translator: Translator, masker: Masker
    ) -> None:
        self._engine = engine
        self._messages = messages
        self._answers = answers
        self._translator = translator
        self._masker = masker

    async def __call__(self, received: Received) -> None:
        """Handle a pressed button."""
        press = read_press(received)
        if press is None or press.action not in (CANCEL, RETRY, LOG_BUTTON, *DECISIONS):
            return
        run = await self._engine.get(press.run)
        if run is None:
            await self._say(press, self._translator.say("answer.run_gone", run=press.run))
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
            await self._say(press, self._translator.refusal(refused.problem))

    def _again(self, press: Press, run: Run) -> Request:
        """Ask for the same again, as who pressed the button.

        Raises:
            RefusedError: the operations file no longer has the target.
        """
        target = run.request.target
        if target not in self._engine.operations.targets:
            raise RefusedError(problem(Reason.UNKNOWN_ENVIRONMENT, app=target.app, environment=target.environment))
        # What only told people asks, when somebody takes it up, for the backup that is lacking.
        asked = run.request.options
        options = BackupOptions() if isinstance(asked, OverdueBackup) else asked
        return replace(
            run.request,
            options=options,
            origin=Origin(press.user, press.channel or run.request.origin.channel, press.event),
        )

    async def _show_log(self, press: Press, run: Run) -> None:
        tail = tail_text(await self._engine.output(run.id), self._masker, _LOG_LINES)
        if not tail.strip():
            await self._say(press, self._translator.say("answer.log_empty", run=run.id))
            return
        posted = (await self._messages.messages(run.id)).get(LOG)
        is_there = posted is not None and posted.state is MessageState.POSTED and bool(posted.ts)
        where = self._translator.say("answer.log_file") if is_there else ""
        intro = self._translator.say("answer.log", run=run.id, where=Markup(where))
        await self._say(press, lines((intro, markup.code_block(tail, _LOG_CHARACTERS))))

    async def _say(self, press: Press, text: Markup) -> None:
        card = (await self._messages.messages(press.run)).get(CARD)
        channel = press.channel or (card.channel if card else "")
        await self._answers.answer(channel, press.user, text)
