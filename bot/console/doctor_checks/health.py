"""The pages that must answer after a deploy, and between batches of hosts: whether they answer now."""

from __future__ import annotations

import time

import aiohttp

from bot.console.doctor_checks.check_result import CheckResult, fail, ok
from bot.console.doctor_checks.formats import milliseconds
from bot.console.doctor_checks.problem_text import explain
from bot.domain.errors import RefusedError
from bot.domain.targets.rollout import HealthUrl
from bot.domain.targets.target import Target
from bot.hosts.connections import Connections
from bot.hosts.host_health import as_seen_from
from bot.hosts.tunnels import Tunnels

_SECONDS = 15.0
_FIRST_BAD_STATUS = 400


async def check_health(target: Target) -> tuple[CheckResult, ...]:
    """Ask a target's `health_url` once, from this machine, as the bot does.

    Args:
        target: whose page; without one there are no results.
    """
    url = target.vars.get("health_url")
    if not isinstance(url, str) or not url:
        return ()
    what = f"health of {target.name}"
    began = time.monotonic()
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_SECONDS)) as session,
            session.get(url) as response,
        ):
            status, at = response.status, str(response.url)
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        return (fail(what, f"{url} does not answer here: {str(error) or type(error).__name__} - check `health_url`"),)
    figure = f"{at} answers {status} in {milliseconds(time.monotonic() - began)}"
    if status >= _FIRST_BAD_STATUS:
        return (fail(what, f"{figure} - a status below {_FIRST_BAD_STATUS}, or every deploy will be said to fail"),)
    return (ok(what, figure),)


async def check_host_health(connections: Connections, target: Target, host: str) -> tuple[CheckResult, ...]:
    """Ask the URL of a target's `rollout` once, through a host, as the bot does between batches.

    Args:
        connections: to the hosts.
        target: whose rollout; without a URL there are no results.
        host: name of the host.
    """
    health = None if target.rollout is None else target.rollout.health
    if not isinstance(health, HealthUrl):
        return ()
    what = f"health of {target.name} on {host}"
    began = time.monotonic()
    try:
        async with as_seen_from(Tunnels(connections).open, host, health.url) as once:
            answer = await once()
    except RefusedError as refusal:
        return (fail(what, explain(refusal.problem)),)
    except TimeoutError:
        return (fail(what, f"{health.url} does not answer in time, as {host} sees it - check `rollout.health`"),)
    if answer.status is None:
        return (fail(what, f"{health.url} does not answer as {host} sees it: {answer.error} - check `rollout.health`"),)
    figure = f"{health.url} answers {answer.status} in {milliseconds(time.monotonic() - began)}"
    if not answer.fine:
        return (fail(what, f"{figure} - a status below {_FIRST_BAD_STATUS}, or every rollout will stop here"),)
    return (ok(what, figure),)
