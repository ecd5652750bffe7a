"""Makes all checks concurrently and yields their results in order: general ones, then those of each target."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import AsyncExitStack

from bot.config.load import Configuration
from bot.console.doctor_checks.check_result import CheckResult, fail
from bot.console.doctor_checks.checkouts import check_backups, check_checkout
from bot.console.doctor_checks.databases import check_database
from bot.console.doctor_checks.dump_tools import check_dump_tools
from bot.console.doctor_checks.forge import apps_with_checks, check_forge
from bot.console.doctor_checks.health import check_health, check_host_health
from bot.console.doctor_checks.hosts import HostCheck, check_host
from bot.console.doctor_checks.receivers import check_receivers
from bot.console.doctor_checks.rehearsals import check_rehearsal
from bot.console.doctor_checks.signatures import check_signatures
from bot.console.doctor_checks.slack import check_slack
from bot.console.doctor_checks.store import check_store
from bot.domain.errors import RefusedError
from bot.domain.names import TargetName
from bot.domain.targets.target import Target
from bot.hosts.connections import Connections
from bot.recipes.recipe import Recipe
from bot.sandbox.server import series_of

_Found = tuple[CheckResult, ...]


async def all_checks(configuration: Configuration, recipes: Mapping[TargetName, Recipe]) -> AsyncIterator[CheckResult]:
    """Connect to everything that is configured.

    Args:
        configuration: validated.
        recipes: the recipe of each target.

    Yields:
        Findings in a fixed order, each as soon as it and all before it are there.
    """
    operations = configuration.operations
    async with AsyncExitStack() as stack:
        connections = await stack.enter_async_context(Connections(operations.hosts))
        hosts = {name: asyncio.create_task(check_host(connections, name)) for name in operations.hosts}
        checks: list[tuple[str, asyncio.Task[_Found]]] = [
            ("Slack", asyncio.create_task(check_slack(configuration.settings, operations))),
            ("signatures", asyncio.create_task(check_signatures(operations))),
            ("store", asyncio.create_task(check_store(configuration.settings.store_url))),
            *((f"host {name}", asyncio.create_task(_results(task))) for name, task in hosts.items()),
        ]
        told = check_receivers(configuration.settings.store_url, operations.receivers)
        checks.append(("notify", asyncio.create_task(told)))
        token = configuration.settings.forge_token
        for app, target in apps_with_checks(operations.targets).items():
            checks.append((f"checks of {app}", asyncio.create_task(check_forge(token, app, target))))
        for name, target in operations.targets.items():
            looks = _target(connections, target, recipes[name], hosts)
            checks += [(what, asyncio.create_task(look)) for what, look in looks]
        stack.push_async_callback(_end, [*(task for _, task in checks), *hosts.values()])
        for what, task in checks:
            for result in await _outcome(what, task):
                yield result


def _target(
    connections: Connections, target: Target, recipe: Recipe, hosts: Mapping[str, asyncio.Task[HostCheck]]
) -> list[tuple[str, Coroutine[None, None, _Found]]]:
    """Give the checks of one target; what lies behind a host that cannot be used is not tried."""

    async def checkout(host: str) -> _Found:
        if not (await hosts[host]).usable:
            return (_not_looked_at(f"{target.name} on {host}", host),)
        found = await check_checkout(connections, target, recipe, host)
        return (*found, *await check_host_health(connections, target, host))

    async def database_and_backups() -> _Found:
        via, first = target.database.via if target.database else None, target.hosts[0]
        found: list[CheckResult] = []
        kib, version = None, None
        if via is not None and not (await hosts[via]).usable:
            found.append(_not_looked_at(f"database of {target.name}", via))
        else:
            database = await check_database(connections, target, recipe)
            kib, version = database.kib, database.version
            found += database.results
        if (await hosts[first]).usable:
            found += await check_rehearsal(connections, target, recipe, series_of(version or ""))
        if target.backups is not None and (await hosts[first]).usable:
            found += await check_dump_tools(connections, target, version)
            found += await check_backups(connections, target, kib)
        return tuple(found)

    return [
        *((f"{target.name} on {host}", checkout(host)) for host in target.hosts),
        (f"database of {target.name}", database_and_backups()),
        (f"health of {target.name}", check_health(target)),
    ]


def _not_looked_at(what: str, host: str) -> CheckResult:
    return fail(what, f"skipped: host {host} can't be used (above)")


async def _results(task: asyncio.Task[HostCheck]) -> _Found:
    return (await task).results


async def _outcome(what: str, task: asyncio.Task[_Found]) -> _Found:
    """Wait for a check; whatever goes wrong with it is a finding too."""
    try:
        return await task
    except RefusedError as refusal:
        return (fail(what, str(refusal)),)
    except Exception as error:
        return (fail(what, f"this check could not be made: {type(error).__name__}: {error}"),)


async def _end(tasks: list[asyncio.Task[_Found] | asyncio.Task[HostCheck]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
