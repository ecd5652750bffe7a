"""URLs of threads that open in Slack's app."""

from __future__ import annotations

from bot.domain.inbox import Posted


def thread_link(workspace: str, card: Posted) -> str:
    """Return the URL of the thread under a card.

    Args:
        workspace: the workspace's URL, ending in a slash.
        card: as it was posted.
    """
    message = card.ts.replace(".", "")
    return f"{workspace}archives/{card.channel}/p{message}?thread_ts={card.ts}&cid={card.channel}"
