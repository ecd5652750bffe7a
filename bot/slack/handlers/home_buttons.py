"""The buttons of a target on the App Home and below a migration report: deploy, back up, roll back, status."""

from __future__ import annotations

from bot.domain.errors import RefusedError
from bot.domain.names import TargetName
from bot.domain.runs.request import MigrateStatusOptions, Origin, Request
from bot.slack.context import SlackContext
from bot.slack.forms.fields import short_text
from bot.slack.handlers.button_press import ButtonPress, read_press
from bot.slack.handlers.forms import FormHandler
from bot.slack.render.cards.status.home_card import BACKUP, DEPLOY, ROLL_BACK, STATUS
from bot.slack.render.cards.status.migration_report_card import status_card
from bot.slack.render.message import Block, section
from bot.slack.render.text import Translator
from bot.slack.transport.gateway import SlackBusyError, SlackRefusedError, SlackUncertainError
from bot.slack.transport.inbox import ReceivedEvent

_COMMANDS = {DEPLOY: "/deploy", BACKUP: "/backup", ROLL_BACK: "/rollback"}


class HomeButtonHandler:
    """Opens forms, and shows the migration report.

    Args:
        context: what the conversation shares.
        forms: opens forms.
    """

    def __init__(self, context: SlackContext, forms: FormHandler) -> None:
        self._context = context
        self._forms = forms

    async def __call__(self, received: ReceivedEvent) -> None:
        """Handle a pressed button; others are left alone."""
        press = read_press(received)
        if press is None:
            return
        if press.action in _COMMANDS:
            origin = Origin(press.user, press.channel, press.event)
            await self._forms.open(_COMMANDS[press.action], tuple(press.value.split()), origin, press.trigger)
        elif press.action == STATUS:
            await self._show_status(press)

    async def _show_status(self, press: ButtonPress) -> None:
        """Open a modal at once, then show the migration report in it."""
        app, _, environment = press.value.partition(" ")
        name = TargetName(app, environment)
        if name not in self._context.operations.targets:
            return
        origin = Origin(press.user, "", press.event)
        request = Request(MigrateStatusOptions(), name, origin, f"/migrate-status {name}")
        translator = await self._context.translator_for(press.user)
        reading = section(translator.translate("home.status.reading"))
        try:
            view = await self._context.gateway.open_view(press.trigger, _modal([reading], translator))
            await self._context.gateway.update_view(view, _modal(await self._answer(request, translator), translator))
        except (SlackRefusedError, SlackBusyError, SlackUncertainError):
            return  # the modal was closed or the trigger expired; the button can be pressed again

    async def _answer(self, request: Request, translator: Translator) -> list[Block | None]:
        try:
            report = await self._context.engine.migration_report(request)
            card = status_card(report, await self._context.render_context_for(request.origin.user))
        except RefusedError as refused:
            return [section(translator.refusal_text(refused.problem))]
        # There is no channel to share it with.
        return [block for block in card.blocks if block["type"] != "actions"]


def _modal(blocks: list[Block | None], translator: Translator) -> Block:
    translate = translator.translate
    return {
        "type": "modal",
        "callback_id": "home_status",
        "title": short_text(translate("home.status.title")),
        "close": short_text(translate("form.done")),
        "blocks": [block for block in blocks if block is not None],
    }
