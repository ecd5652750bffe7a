"""The forge of an app: whether it answers the token, and knows the checks that must be green."""

from __future__ import annotations

from collections.abc import Mapping

from bot.console.doctor_checks.check_result import CheckResult, fail, ok, warn
from bot.domain.names import TargetName
from bot.domain.secrets import Secret
from bot.domain.targets.target import Target
from bot.forge.client import ForgeError
from bot.forge.reader import ForgeReader

_SHOWN = 8
_WRITING_SCOPES = frozenset({"repo", "public_repo", "workflow", "admin:org", "admin:repo_hook", "delete_repo"})


def apps_with_checks(targets: Mapping[TargetName, Target]) -> Mapping[str, Target]:
    """Give a target of each app that has checks, by the app's name.

    Args:
        targets: all that are configured.
    """
    found: dict[str, Target] = {}
    for name, target in targets.items():
        if target.checks:
            found.setdefault(name.app, target)
    return found


async def check_forge(token: Secret | None, app: str, target: Target) -> tuple[CheckResult, ...]:
    """Read the checks of the newest commit of an app's branch, as a deploy would.

    Args:
        token: `FORGE_TOKEN`.
        app: name of the app.
        target: one of its targets.
    """
    repository, what = target.repository, f"checks of {app}"
    if repository is None:
        return ()
    reader = ForgeReader(token)
    try:
        branch = await reader.branch(repository, target.branch)
        known = {check.name: check for check in await reader.known(repository, branch.sha)}
    except ForgeError as error:
        return (
            fail(
                what,
                f"{repository.host} gave no answer that can be used for {repository.path}: {error.why} - check"
                " `repository`, `forge` and FORGE_TOKEN, or every deploy will be refused",
            ),
        )
    newest = f"{branch.sha[:7]}, the newest commit of {target.branch}"
    missing = [name for name in target.checks if name not in known]
    found: list[CheckResult] = []
    if missing:
        there = ", ".join(sorted(known)[:_SHOWN]) or "none"
        found.append(warn(what, f"{repository.host} has no {' and no '.join(missing)} for {newest}; there is: {there}"))
    required = [known[name] for name in target.checks if name in known]
    told = ", ".join(f"{check.name}: {check.word or check.state.value}" for check in required)
    if told:
        found.append(ok(what, f"{repository.host} answers for {newest}: {told}"))
    writes = sorted(_WRITING_SCOPES & {scope.strip() for scope in (branch.scopes or "").split(",")})
    if writes:
        found.append(
            warn("FORGE_TOKEN", f"may write ({', '.join(writes)}) - a fine-grained token that only reads is enough")
        )
    return tuple(found)
