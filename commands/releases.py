"""Which folder a commit gets with `layout: releases`, and whether hosts differ."""

from __future__ import annotations

from bot.domain.runs.findings import HostsDiffer
from bot.domain.runs.run import Run
from bot.domain.targets.layout import KeptRelease, NewRelease, Releases, newest_common, release_name
from bot.domain.targets.look import HostFacts
from bot.domain.targets.target import Target


def release_to_deploy(
    run: Run, target: Target, sha: str, hosts: tuple[HostFacts, ...]
) -> NewRelease | KeptRelease | None:
    """Give the folder that a deploy makes; one that is there already where the commit is live and complete everywhere.

    So hosts that differ are made the same by the switch alone, where an earlier run has made the release on all.

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
    live = {facts.release for facts in hosts if facts.head == sha}
    complete = set.intersection(*({folder.name for folder in facts.releases if folder.sha == sha} for facts in hosts))
    if len(live) == 1 and (all(facts.head == sha for facts in hosts) or live <= complete):
        return KeptRelease(live.pop())
    return NewRelease(release_name(run.created_at, sha))


def same_code(hosts: tuple[HostFacts, ...]) -> bool:
    """Whether the same commit is live on all hosts; with releases, in the same folder."""
    return len({(facts.head, facts.release) for facts in hosts}) == 1


def hosts_differ(hosts: tuple[HostFacts, ...]) -> tuple[HostsDiffer, ...]:
    """Name what is live on which hosts, where that is not the same on all of them."""
    if same_code(hosts):
        return ()
    by_code: dict[str, list[str]] = {}
    for facts in hosts:
        by_code.setdefault(facts.release or facts.head[:7], []).append(facts.host)
    return (HostsDiffer(tuple(f"{code} on {', '.join(names)}" for code, names in by_code.items())),)


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
