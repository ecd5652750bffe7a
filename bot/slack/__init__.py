"""The conversation: Slack payload → request at the door, snapshot of a run → messages on the way out."""

from bot.slack.app import SlackAccess, SlackLoginRefused, SlackRoom

__all__ = ["SlackAccess", "SlackLoginRefused", "SlackRoom"]
