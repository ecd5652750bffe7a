"""URLs of threads that open in Slack's app, and of comparisons at a forge."""

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


def compare_link(repository: str, old: str, new: str) -> str:
    """Return the page of a forge that compares two commits.

    Args:
        repository: address of the repository's page, without a slash at its end.
        old: full hash of the commit before.
        new: full hash of the commit after.
    """
    host = repository.split("/")[2]
    if "bitbucket" in host:
        return f"{repository}/branches/compare/{new}%0D{old}"
    return f"{repository}{'/-' if 'gitlab' in host else ''}/compare/{old}...{new}"
