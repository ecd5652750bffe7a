"""The button *Sign*, and the signatures that people hand in."""

from __future__ import annotations

from bot.domain.errors import Reason, RefusedError, problem
from bot.domain.signatures.signer_keys import read_key
from bot.slack.context import SlackContext
from bot.slack.forms.signature import read_signature, signature_view
from bot.slack.handlers.button_press import read_press
from bot.slack.publish.replies import Sender
from bot.slack.render.cards.approval.signatures import SIGN
from bot.slack.transport.gateway import SlackBusyError, SlackRefusedError, SlackUncertainError
from bot.slack.transport.inbox import ReceivedEvent


class SignatureHandler:
    """Opens the form for a signature, and hands signatures to the engine. Whatever is wrong, only that person reads.

    Args:
        context: what the conversation shares.
    """

    def __init__(self, context: SlackContext) -> None:
        self._context = context
        self._engine = context.engine

    async def pressed(self, received: ReceivedEvent) -> None:
        """Handle the button *Sign*; others are left alone."""
        press = read_press(received)
        if press is None or press.action != SIGN:
            return
        ctx = await self._context.render_context_for(press.user)
        run = await self._engine.get(press.value)
        if run is None or run.gate is None or not run.gate.requirement.asks_for_signatures:
            refusal = ctx.translator.refusal_text(problem(Reason.NOT_TO_BE_SIGNED, run=press.value))
            await self._context.replies.send_text(press.sender, refusal)
            return
        try:
            await self._context.gateway.open_view(press.trigger, signature_view(run, run.gate, press.sender, ctx))
        except (SlackRefusedError, SlackBusyError, SlackUncertainError):
            answer = ctx.translator.translate("answer.form_not_opened")
            await self._context.replies.send_text(press.sender, answer)

    async def submitted(self, received: ReceivedEvent) -> None:
        """Handle a submitted form with a signature; others are left alone."""
        given = read_signature(received.payload)
        if given is not None:
            await self.take(given.run, given.sender, given.signature)

    async def take(self, run: str, sender: Sender, signature: str) -> None:
        """Hand a signature to the engine, and tell the person what became of it.

        Args:
            run: ID of the run whose plan is signed.
            sender: who handed it in.
            signature: armoured.
        """
        translator = await self._context.translator_for(sender.user)
        try:
            taken = await self._engine.sign(run, sender.user, signature)
        except RefusedError as refused:
            answer = translator.refusal_text(refused.problem)
        else:
            answer = translator.translate("answer.signed", run=run, fingerprint=read_key(taken.key).fingerprint)
        await self._context.replies.send_text(sender, answer)
