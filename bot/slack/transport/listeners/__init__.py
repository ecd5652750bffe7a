"""Bolt's listeners. Each only records the event, as bolt acknowledges it when the listener returns."""

from slack_bolt.async_app import AsyncApp

from bot.slack.transport.inbox import EventRecorder
from bot.slack.transport.listeners import actions, catch_all, files, home, reactions, views
from bot.slack.transport.listeners.commands import RecordCommand, command_recorder
from bot.slack.transport.listeners.views import ValidateForm

__all__ = ["RecordCommand", "ValidateForm", "command_recorder", "register_all"]


def register_all(app: AsyncApp, inbox: EventRecorder, check: ValidateForm) -> None:
    """Register the listeners; commands bypass bolt, see `commands`.

    Args:
        app: bolt's application.
        inbox: where events are recorded.
        check: validates submitted forms.
    """
    reactions.register(app, inbox)
    files.register(app, inbox)
    actions.register(app, inbox)
    views.register(app, inbox, check)
    home.register(app, inbox)
    catch_all.register(app)
