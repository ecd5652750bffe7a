"""The conversation in Slack: payloads become requests on the way in, snapshots become messages on the way out."""

from bot.slack.app import SlackApp
from bot.slack.ports import SlackPorts
from bot.slack.transport.login import SlackAccess, SlackLoginRefusedError, SocketModeRefusedError
from bot.slack.transport.presence import Presence

__all__ = ["Presence", "SlackAccess", "SlackApp", "SlackLoginRefusedError", "SlackPorts", "SocketModeRefusedError"]
