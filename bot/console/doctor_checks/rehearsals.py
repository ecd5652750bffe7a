"""How a target's migrations are rehearsed, and what stands in the way of a sandbox on its first host."""

from __future__ import annotations

from dataclasses import replace

from bot.console.doctor_checks.check_result import CheckResult, fail, ok, warn
from bot.console.doctor_checks.problem_text import explain
from bot.console.rehearsal_text import MORE_APPROVALS, rehearsal_text
from bot.databases.migrations.sandboxed.server_choice import ServerChoice
from bot.databases.server.connector import Connector
from bot.databases.server.privileges import missing_at_scratch
from bot.domain.errors import RefusedError
from bot.domain.policies.rehearsal_mode import RehearsalMode
from bot.domain.runs.findings import NotRehearsed
from bot.domain.targets.scratch import ScratchNone, ScratchServer
from bot.domain.targets.target import Target
from bot.hosts.connections import Connections
from bot.hosts.tunnels import Tunnels
from bot.recipes.recipe import MigrationTable, Recipe
from bot.sandbox.capability import Capable, Incapable, SandboxCapability, capability_of, probe
from bot.sandbox.plan import Limits
from bot.sandbox.server import RelayedServer, ServerSeries

_SECONDS = 60.0


async def check_rehearsal(
    connections: Connections, target: Target, recipe: Recipe, series: ServerSeries | None
) -> tuple[CheckResult, ...]:
    """Say which way the migrations of a target are rehearsed; where it is a sandbox, try one on the first host.

    Args:
        connections: to the hosts.
        target: whose migrations.
        recipe: of the target.
        series: of the live database server; None if unknown.
    """
    told = rehearsal_text(target, recipe)
    if told is None:
        return ()
    what = f"rehearsal of {target.name}"
    if not _wants_sandbox(target, recipe):
        return (_without_sandbox(what, told, target),)
    try:
        answer = await connections.read(target.hosts[0], probe(), _SECONDS)
        capability = capability_of(answer.stdout.decode(errors="replace"))
    except RefusedError as refusal:
        return (fail(what, explain(refusal.problem)),)
    except ValueError as error:
        return (fail(what, f"can't tell whether a sandbox is possible: {error}"),)
    found = sandbox_result(what, capability, series)
    if _needs_scratch_server(target, capability, series):
        return (await _at_scratch_server(connections, target, what),)
    return (found,)


def _needs_scratch_server(target: Target, capability: SandboxCapability, series: ServerSeries | None) -> bool:
    """Whether a sandbox can be had, and a scratch server has to stand in for the server's program."""
    if target.database is None or not isinstance(target.database.scratch, ScratchServer):
        return False
    return isinstance(capability, Capable) and all(program.series != series for program in capability.programs)


async def _at_scratch_server(connections: Connections, target: Target, what: str) -> CheckResult:
    database = target.database
    if database is None:
        raise ValueError(f"{target.name} has no database")
    connector = Connector(Tunnels(connections).open)
    try:
        server = await ServerChoice(connections, connector).of(target, database, "R-DOCTOR")
        if not isinstance(server, RelayedServer):
            why = f"{server.reason.value}: {server.detail}" if isinstance(server, NotRehearsed) else "try again"
            return warn(what, f"no rehearsal in the sandbox ({why}), so migrations {MORE_APPROVALS}")
        async with connector.scratch(target) as session:
            missing = await missing_at_scratch(session, database.name)
    except RefusedError as refusal:
        return fail(what, explain(refusal.problem))
    except ValueError as error:
        return warn(what, f"no rehearsal in the sandbox ({error}), so migrations {MORE_APPROVALS}")
    where = f"in a sandbox, with {server.series} at {server.host}:{server.port} as the live server"
    if not missing:
        return ok(what, where)
    return warn(what, f"{where}; missing there: {'; '.join(str(one) for one in missing)} - see docs/setup.md")


def _wants_sandbox(target: Target, recipe: Recipe) -> bool:
    database, migrations = target.database, recipe.migrations
    if database is None or isinstance(database.scratch, ScratchNone):
        return False
    if isinstance(migrations, MigrationTable) and migrations.sandbox is None:
        return False
    return target.policy.rehearsal is RehearsalMode.SANDBOX


def _without_sandbox(what: str, told: str, target: Target) -> CheckResult:
    match target.policy.rehearsal:
        case RehearsalMode.NEVER | RehearsalMode.AFTER_APPROVAL:
            return ok(what, told)
        case RehearsalMode.SANDBOX | RehearsalMode.TRUSTED:
            return warn(what, told)


def sandbox_result(what: str, capability: SandboxCapability, series: ServerSeries | None) -> CheckResult:
    """Say whether a host can rehearse in a sandbox, and else what an administrator runs.

    Args:
        what: was looked at.
        capability: of the host.
        series: of the live database server; None if unknown.
    """
    match capability:
        case Incapable(refusal, remedy):
            return _impossible(what, refusal.obstacle.value, refusal.detail, remedy)
        case Capable():
            return _possible(what, capability, series)


def _possible(what: str, capability: Capable, series: ServerSeries | None) -> CheckResult:
    installed = ", ".join(f"{program.series} ({program.path})" for program in capability.programs)
    if series is None:
        return warn(
            what, f"a sandbox is possible; installed: {installed or 'no server'}; the live server's series is unknown"
        )
    refused = capability.refusal(series, Limits())
    if refused is not None:
        refusal, remedy = refused
        return _impossible(what, refusal.obstacle.value, refusal.detail, remedy)
    program = next(program for program in capability.programs if program.series == series)
    where = "" if capability.serves_addresses else "; it answers at loopback and at names, not at other addresses"
    return ok(what, f"in a sandbox, with {program.series} ({program.path}) as the live server{where}")


def _impossible(what: str, obstacle: str, detail: str, remedy: tuple[str, ...]) -> CheckResult:
    runs = "; an administrator of the host runs:" if remedy else ""
    told = f"no sandbox ({obstacle}: {detail or 'it was refused without a word'}), so migrations {MORE_APPROVALS}{runs}"
    return replace(warn(what, told), remedy=remedy)
