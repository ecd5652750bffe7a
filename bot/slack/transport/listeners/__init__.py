"""What Slack sends, by kind. A listener records and returns, no more: only then bolt acknowledges."""

from slack_bolt.async_app import AsyncApp

from bot.slack.transport.inbox import Inbox
from bot.slack.transport.listeners import actions, catch_all, home, reactions, views
from bot.slack.transport.listeners.commands import RecordCommand, command_recorder
from bot.slack.transport.listeners.views import ValidateForm

__all__ = ["RecordCommand", "ValidateForm", "command_recorder", "register_all"]


def register_all(app: AsyncApp, inbox: Inbox, check: ValidateForm) -> None:
    """Register every listener of bolt; commands do not pass through it, see `commands`.

    Args:
        app: bolt's application.
        inbox: where events are recorded.
        check: says what is wrong with a form, at its fields.
    """
    reactions.register(app, inbox)
    actions.register(app, inbox)
    views.register(app, inbox, check)
    home.register(app, inbox)
    catch_all.register(app)
