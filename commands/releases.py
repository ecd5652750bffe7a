"""Which folder a commit gets with `layout: releases`: one that a run makes, or one that is complete on every host."""

from __future__ import annotations

from bot.domain.runs.run import Run
from bot.domain.targets.layout import KeptRelease, NewRelease, Releases, newest_common, release_name
from bot.domain.targets.look import HostFacts
from bot.domain.targets.target import Target


def release_to_deploy(
    run: Run, target: Target, sha: str, hosts: tuple[HostFacts, ...]
) -> NewRelease | KeptRelease | None:
    """Give the folder that a deploy makes; the live one where the commit is live everywhere already.

    Args:
        run: the deploy.
        target: where.
        sha: the commit.
        hosts: as just read.

    Returns:
        None where the target has a checkout.
    """
    if not isinstance(target.layout, Releases):
        return None
    live = {facts.release for facts in hosts} if all(facts.head == sha for facts in hosts) else set()
    if len(live) == 1:
        return KeptRelease(live.pop())
    return NewRelease(release_name(run.created_at, sha))


def release_to_go_back_to(
    run: Run, target: Target, sha: str, hosts: tuple[HostFacts, ...]
) -> NewRelease | KeptRelease | None:
    """Give the folder of the commit that a rollback makes live: the newest complete one, or else one that it makes.

    Args:
        run: the rollback.
        target: where.
        sha: the commit.
        hosts: as just read.

    Returns:
        None where the target has a checkout.
    """
    if not isinstance(target.layout, Releases):
        return None
    kept = newest_common(sha, (facts.releases for facts in hosts))
    return NewRelease(release_name(run.created_at, sha)) if kept is None else KeptRelease(kept)
