"""The conversation: Slack payload → request at the door, snapshot of a run → messages on the way out."""

from bot.slack.app import SlackApp
from bot.slack.ports import SlackPorts
from bot.slack.transport.login import SlackAccess, SlackLoginRefusedError

__all__ = ["SlackAccess", "SlackApp", "SlackLoginRefusedError", "SlackPorts"]
