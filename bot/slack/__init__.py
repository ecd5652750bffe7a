"""The conversation: Slack payload → request at the door, snapshot of a run → messages on the way out."""

from bot.slack.app import SlackAccess, SlackApp, SlackLoginRefusedError

__all__ = ["SlackAccess", "SlackApp", "SlackLoginRefusedError"]
