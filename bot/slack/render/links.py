"""Addresses of threads, as Slack builds them: a press opens the thread in the app."""

from __future__ import annotations

from bot.domain.inbox import Posted


def thread_link(workspace: str, card: Posted) -> str:
    """Give the address of the thread under a card.

    Args:
        workspace: the workspace's own URL, ending in a slash.
        card: as it was posted.
    """
    message = card.ts.replace(".", "")
    return f"{workspace}archives/{card.channel}/p{message}?thread_ts={card.ts}&cid={card.channel}"
