"""The messages of a run, as pure functions of its snapshot."""

from bot.slack.cards.render import render

__all__ = ["render"]
