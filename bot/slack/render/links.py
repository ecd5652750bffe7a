"""URLs of threads that open in Slack's app, and of comparisons at a forge."""

from __future__ import annotations

from bot.domain.inbox import Posted
from bot.domain.targets.forge import ForgeKind, Repository


def thread_link(workspace: str, card: Posted) -> str:
    """Return the URL of the thread under a card.

    Args:
        workspace: the workspace's URL, ending in a slash.
        card: as it was posted.
    """
    message = card.ts.replace(".", "")
    return f"{workspace}archives/{card.channel}/p{message}?thread_ts={card.ts}&cid={card.channel}"


def compare_link(repository: Repository, old: str, new: str) -> str:
    """Return the page of a forge that compares two commits.

    Args:
        repository: at the forge.
        old: full hash of the commit before.
        new: full hash of the commit after.
    """
    match repository.kind:
        case ForgeKind.BITBUCKET:
            return f"{repository.page}/branches/compare/{new}%0D{old}"
        case ForgeKind.GITLAB:
            return f"{repository.page}/-/compare/{old}...{new}"
        case ForgeKind.GITHUB:
            return f"{repository.page}/compare/{old}...{new}"
