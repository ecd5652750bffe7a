"""A target's place on a host: programs, free space, the checkout, its origin, and room for backups."""

from __future__ import annotations

from dataclasses import replace

from bot.console.doctor_checks.check_result import CheckResult, fail, ok, warn
from bot.console.doctor_checks.formats import size
from bot.console.doctor_checks.problem_text import explain
from bot.console.doctor_checks.readiness import files_of_tools, readiness_results
from bot.console.doctor_checks.releases import check_releases
from bot.databases.backups.storage.registry import StorageRegistry
from bot.databases.ports import BackupStorage
from bot.domain.errors import RefusedError
from bot.domain.runs.acts import Preflight
from bot.domain.shell import Command, Syntax, Word, syntax
from bot.domain.targets.layout import Releases
from bot.domain.targets.look import HostFacts, HostQuestion
from bot.domain.targets.target import Target
from bot.engine.phases.preflight import host_problem
from bot.hosts.connections import Connections
from bot.hosts.look import HostLook
from bot.hosts.pipes import Pipes
from bot.recipes.questions import ready_question
from bot.recipes.recipe import Recipe
from bot.recipes.steps import before_plan

_SECONDS = 60.0
_HAS_AGE = syntax("command -v age >/dev/null 2>&1")
_PLENTY = 1 << 40


async def check_checkout(
    connections: Connections, target: Target, recipe: Recipe, host: str
) -> tuple[CheckResult, ...]:
    """Look at a target's checkout on one of its hosts.

    Args:
        connections: to the hosts.
        target: whose checkout.
        recipe: names the programs and the space that must be there.
        host: name of the host.
    """
    what = f"{target.name} on {host}"
    needs = _needs(recipe, target)
    try:
        facts = await HostLook(connections).host(host, _question(recipe, target, needs))
        judged = [_programs(what, facts, needs), _room(what, facts, target, needs), _checkout(what, facts, target)]
        judged += await check_releases(connections, target, host)
        if not facts.is_checkout:
            return tuple(judged)
        origin = await _origin(connections, what, target, host)
        return (*judged, origin, *readiness_results(what, facts, recipe, target))
    except RefusedError as refusal:
        return (fail(what, explain(refusal.problem)),)


def _question(recipe: Recipe, target: Target, needs: Preflight) -> HostQuestion:
    """Ask as before a deploy of the branch, as it was last fetched; no code of the application runs."""
    asked = ready_question(recipe, target, target.branch)
    return replace(
        asked,
        commit_command=None,
        migrator=None,
        tools=tuple(dict.fromkeys((*needs.tools, *asked.tools))),
        exists=tuple(dict.fromkeys((*asked.exists, *files_of_tools(recipe, target)))),
    )


def _needs(recipe: Recipe, target: Target) -> Preflight:
    """Give what the recipe's own preflight asks for."""
    acts = (step.act for step in before_plan(recipe, target, "R-000000"))
    return next((act for act in acts if isinstance(act, Preflight)), Preflight(recipe.needs_kib))


def _programs(what: str, facts: HostFacts, needs: Preflight) -> CheckResult:
    what = f"{what}: programs"
    missing = tuple(tool for tool in facts.missing_tools if tool in needs.tools)
    found = host_problem(
        replace(facts, is_checkout=True, free_kib=_PLENTY, free_inodes=None, dirty=(), missing_tools=missing), "", 0
    )
    if found is not None:
        return fail(what, explain(found))
    return ok(what, f"{', '.join(needs.tools)} found" if needs.tools else "the recipe needs none")


def _room(what: str, facts: HostFacts, target: Target, needs: Preflight) -> CheckResult:
    what = f"{what}: free space"
    found = host_problem(replace(facts, is_checkout=True, missing_tools=(), dirty=()), target.path, needs.needs)
    if found is not None:
        return fail(what, explain(found))
    inodes = "no limit of inodes" if facts.free_inodes is None else f"{facts.free_inodes:,} inodes free"
    return ok(what, f"{size(facts.free_kib)} free, {inodes}, where {target.path} lies")


def _checkout(what: str, facts: HostFacts, target: Target) -> CheckResult:
    what = f"{what}: checkout"
    found = host_problem(replace(facts, missing_tools=(), free_kib=_PLENTY, free_inodes=None), target.path, 0)
    if found is not None:
        return fail(what, explain(found))
    if not facts.head:
        return fail(what, f"{target.path} has no commit checked out - check out {target.branch}")
    is_release = isinstance(target.layout, Releases)
    at = facts.release if is_release else f"{facts.branch or 'no branch'} at {facts.head[:7]}"
    if facts.maintenance:
        return warn(what, f"{at}, unchanged; the app is in maintenance now, and a deploy would leave it so")
    if facts.branch != target.branch and not is_release:
        return warn(what, f"{at}, unchanged; the operations file says `branch: {target.branch}`")
    return ok(what, f"{at}, unchanged")


async def _origin(connections: Connections, what: str, target: Target, host: str) -> CheckResult:
    what = f"{what}: origin"
    answer = await connections.read(host, _ask_origin(target), _SECONDS)
    match answer.exit_status:
        case 0:
            return ok(what, f"answers, and has {target.branch} at {answer.stdout.decode(errors='replace')[:7]}")
        case 2:
            return fail(what, f"answers, but has no branch {target.branch} - check `branch:`")
        case _:
            said = " ".join(answer.stderr.decode(errors="replace").split())[-300:] or "no answer"
            return fail(what, f"can't be fetched from unattended: {said} - give the account a deploy key")


def _ask_origin(target: Target) -> Command:
    ref = f"refs/heads/{target.branch}"
    return Command(
        (
            Syntax("GIT_TERMINAL_PROMPT=0 git -C "),
            Word(target.path),
            Syntax(" ls-remote --exit-code origin "),
            Word(ref),
        )
    )


async def check_backups(connections: Connections, target: Target, database_kib: int | None) -> tuple[CheckResult, ...]:
    """Look at the folder in which a target's backups are kept.

    Args:
        connections: to the hosts.
        target: whose backups.
        database_kib: how big its database is, where that is known.
    """
    if target.backups is None:
        return ()
    storage = StorageRegistry(connections, Pipes(connections)).remote(target)
    if storage is not None:
        return (await _storage(storage, target),)
    host, directory = target.hosts[0], target.backups.directory
    what = f"{target.name} on {host}: backups"
    answer = await connections.read(host, _ask_folder(directory), _SECONDS)
    words = answer.stdout.decode(errors="replace").split("\n")
    if answer.exit_status != 0 or len(words) < 3 or not words[1].isdigit():
        said = answer.stderr.decode(errors="replace").strip()[-200:] or "df does not say how much is free"
        return (fail(what, f"{directory} cannot be looked at: {said}"),)
    writable, free, nearest = words[0] == "yes", int(words[1]), words[2]
    place = directory if nearest == directory else f"{directory} (not there yet)"
    if not writable:
        return (fail(what, f"{nearest} is not a writable folder - give it to the account, or make {directory} for it"),)
    if database_kib is not None and free < database_kib:
        return (
            fail(what, f"{size(free)} free at {place}, and the database has {size(database_kib)} - make room there"),
        )
    if target.backups.encrypt_to is not None:
        age = await connections.read(host, _HAS_AGE, _SECONDS)
        if age.exit_status != 0:
            return (fail(what, "`encrypt_to` is set and `age` is not installed - install it, or nothing is backed up"),)
    return (ok(what, f"{size(free)} free at {place}"),)


async def _storage(storage: BackupStorage, target: Target) -> CheckResult:
    """Look at where backups are kept that are on no host."""
    what = f"backups of {target.name}"
    try:
        found, room = await storage.sizes(), await storage.free_bytes()
    except RefusedError as refusal:
        return fail(what, explain(refusal.problem))
    kept = len([name for name in found if name.endswith(".json")])
    free = "" if room is None else f", {size(room // 1024)} free"
    return ok(what, f"{storage.place} answers and has {kept} of them{free}")


def _ask_folder(directory: str) -> Command:
    """Write the command that reads whether a folder (or the nearest above it) can be written, and its free space."""
    return Command(
        (
            Syntax("place="),
            Word(directory),
            Syntax("""
while [ ! -e "$place" ] && [ -n "$place" ]; do
  case $place in */*) place=${place%/*} ;; *) place=. ;; esac
done
[ -n "$place" ] || place=/
if [ -d "$place" ] && [ -w "$place" ] && [ -x "$place" ]; then echo yes; else echo no; fi
LC_ALL=C df -Pk "$place" | awk 'NR == 2 { for (i = NF; i > 1; i--) if ($i ~ /%$/) { print $(i - 1); exit } }'
printf '%s\\n' "$place"
"""),
        )
    )
