"""Slash commands: parsed into a request for the engine, or answered with a form or an error."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from bot.domain.errors import Reason, RefusedError
from bot.domain.policies.usage import HELP
from bot.domain.runs.request import Action, ListBackups, MigrateStatusOptions, Origin, Request
from bot.slack.context import SlackContext
from bot.slack.forms import FORMS
from bot.slack.handlers.forms import FormHandler
from bot.slack.handlers.ops import OpsHandler
from bot.slack.handlers.submit import submit
from bot.slack.handlers.words import split_words
from bot.slack.plain_names import plain_names
from bot.slack.publish.replies import Sender
from bot.slack.render import markup
from bot.slack.render.cards.backups.backup_list_card import backups_card
from bot.slack.render.cards.status.help_card import command_help
from bot.slack.render.cards.status.migration_report_card import status_card
from bot.slack.render.message import text_message
from bot.slack.transport.inbox import ReceivedEvent

STALE = timedelta(minutes=30)
"""Age from which a command is not carried out, as nobody expects it any more; Slack's `response_url` expires then."""

_TARGET_WORDS = 2
_NOTICE_SECONDS = 0.5
"""How long the notice that something is being read stands at least."""

_NAMING_SECONDS = 3.0
"""Limit for looking up who is mentioned; after it they are called by their ID."""


class CommandHandler:
    """Handles slash commands and submitted forms.

    Args:
        context: what the conversation shares.
        ops: handles `/ops`.
        forms: opens forms and handles submitted ones.
    """

    def __init__(self, context: SlackContext, ops: OpsHandler, forms: FormHandler) -> None:
        self._context = context
        self._engine = context.engine
        self._commands = context.commands
        self._replies = context.replies
        self._ops = ops
        self._forms = forms

    async def command(self, received: ReceivedEvent) -> None:
        """Handle a slash command."""
        body = received.payload
        origin = Origin(str(body["user_id"]), str(body["channel_id"]), received.id)
        name, text = str(body["command"]), str(body.get("text") or "")
        sender = Sender(origin.user, origin.channel, url=str(body.get("response_url") or ""))
        if self._is_stale(received.at):
            translator = await self._context.translator_for(origin.user)
            when = translator.moment(received.at)
            stale = translator.translate("answer.stale", typed=f"{name} {text}".strip(), when=when)
            await self._replies.send_text(replace(sender, url=""), stale)
            return
        words = split_words(text, await self._names(text))
        if name == self._context.ops.name:
            await self._ops.handle(words, origin, sender)
            return
        spec = self._commands.get(name)
        if spec is None:
            known = ", ".join(sorted((*self._commands, self._context.ops.name)))
            translator = await self._context.translator_for(origin.user)
            unknown = translator.translate("answer.unknown_command", command=name, known=known)
            await self._replies.send_text(sender, unknown)
            return
        if words and words[0].lower() in HELP and words[0] not in self._context.operations.apps():
            translator = await self._context.translator_for(origin.user)
            await self._replies.send_text(sender, command_help(spec, name in FORMS, translator))
            return
        try:
            request = spec.parse(words, origin, self._context.operations)
            if isinstance(request.options, MigrateStatusOptions | ListBackups):
                await self._read(request, request.options, received.at, sender)
            else:
                await submit(self._context, request, sender)
        except RefusedError as refused:
            is_short = refused.problem.reason is Reason.USAGE and _asks_for_form(name, words)
            if is_short and await self._forms.open(name, words, origin, str(body.get("trigger_id") or "")):
                return
            translator = await self._context.translator_for(origin.user)
            await self._replies.send_text(sender, translator.refusal_text(refused.problem))

    async def _read(
        self, request: Request, options: MigrateStatusOptions | ListBackups, at: datetime, sender: Sender
    ) -> None:
        """Answer a request that only reads, without a run, in place of the notice that it is being read."""
        translator = await self._context.translator_for(sender.user)
        try:
            match options:
                case MigrateStatusOptions():
                    report = await self._engine.migration_report(request)
                    may_deploy = Action.DEPLOY in await self._may(request)
                    card = status_card(
                        report, await self._context.render_context_for(sender.user), may_deploy=may_deploy
                    )
                case ListBackups():
                    card = backups_card(await self._engine.backup_list(request), translator, await self._may(request))
        except RefusedError as refused:
            card = text_message(translator.refusal_text(refused.problem))
        # Slack may still be about to show the acknowledgement, and would show it behind an answer that came before.
        await asyncio.sleep(_NOTICE_SECONDS - (self._context.clock.now() - at).total_seconds())
        await self._replies.replace(sender, card)

    async def _may(self, request: Request) -> frozenset[Action]:
        """Return what the requester may ask for on the target, so that no button is shown in vain."""
        allowed = await self._engine.lock_service.allowed((request.target,), request.origin.user)
        return frozenset(allowed.targets)

    async def form(self, received: ReceivedEvent) -> None:
        """Handle a submitted form, unless it is too old."""
        if not self._is_stale(received.at):
            await self._forms.submitted(received)

    async def _names(self, text: str) -> Mapping[str, str]:
        mentioned = markup.mentioned_ids(text)
        if not mentioned:
            return {}
        return await plain_names(self._context.directory, self._context.channels, mentioned, _NAMING_SECONDS)

    def _is_stale(self, at: datetime) -> bool:
        return self._context.clock.now() - at > STALE


def _asks_for_form(name: str, words: tuple[str, ...]) -> bool:
    form = FORMS.get(name)
    return form is not None and len(_plain(words)) < _TARGET_WORDS and (form.completes or not words)


def _plain(words: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(word for word in words if not word.startswith("-"))
