"""The page that must answer after a deploy: whether it answers now."""

from __future__ import annotations

import time

import aiohttp

from bot.console.doctor_checks.check_result import CheckResult, fail, ok
from bot.console.doctor_checks.formats import milliseconds
from bot.domain.targets.target import Target

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
