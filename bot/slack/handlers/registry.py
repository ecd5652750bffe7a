"""The handler of each kind of recorded event."""

from __future__ import annotations

from collections.abc import Mapping

from bot.domain.inbox import EventKind
from bot.slack.context import SlackContext
from bot.slack.handlers.backup_buttons import BackupButtonHandler
from bot.slack.handlers.commands import CommandHandler
from bot.slack.handlers.forms import FormHandler
from bot.slack.handlers.home import HomeHandler
from bot.slack.handlers.home_buttons import HomeButtonHandler
from bot.slack.handlers.ops import OpsHandler
from bot.slack.handlers.reactions import ReactionHandler
from bot.slack.handlers.run_buttons import RunButtonHandler
from bot.slack.handlers.share import ShareHandler
from bot.slack.handlers.signature_files import SignatureFileHandler
from bot.slack.handlers.signatures import SignatureHandler
from bot.slack.handlers.unlock import UnlockHandler
from bot.slack.publish.home_sync import HomeSync
from bot.slack.publish.lock_notifier import LockNotifier
from bot.slack.transport.inbox import Handler, ReceivedEvent


def event_handlers(
    context: SlackContext, home_sync: HomeSync, lock_notifier: LockNotifier
) -> Mapping[EventKind, Handler]:
    """Build the handlers.

    Args:
        context: what the conversation shares.
        home_sync: publishes App Homes.
        lock_notifier: posts the notices to the owners of locks.
    """
    forms = FormHandler(context)
    unlock = UnlockHandler(context, lock_notifier)
    commands = CommandHandler(context, OpsHandler(context, unlock), forms)
    home = HomeHandler(home_sync)
    run_buttons = RunButtonHandler(context)
    signatures = SignatureHandler(context)
    return {
        EventKind.COMMAND: commands.command,
        EventKind.VIEW: _in_turn(commands.form, run_buttons.submitted, signatures.submitted),
        EventKind.REACTION: ReactionHandler(context),
        EventKind.BUTTON: _in_turn(
            run_buttons,
            signatures.pressed,
            ShareHandler(context),
            BackupButtonHandler(context),
            unlock,
            home.pressed,
            HomeButtonHandler(context, forms),
            forms.pressed,
        ),
        EventKind.HOME: home.opened,
        EventKind.FILE: SignatureFileHandler(context, signatures),
    }


def _in_turn(*handlers: Handler) -> Handler:
    """Pass an event to several handlers in turn; each ignores what is not its own."""

    async def handle(received: ReceivedEvent) -> None:
        for handler in handlers:
            await handler(received)

    return handle
