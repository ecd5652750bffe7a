"""The programs on a host that dump: whether they are of the server's vendor."""

from __future__ import annotations

from bot.console.doctor_checks.check_result import CheckResult, fail, ok, warn
from bot.domain.shell import syntax
from bot.domain.targets.target import Target
from bot.hosts.connections import Connections

_SECONDS = 30.0
_VERSIONS = syntax(
    "for tool in mariadb-dump mysqldump; do"
    ' if command -v "$tool" >/dev/null 2>&1; then "$tool" --no-defaults --version 2>/dev/null; fi; done;'
    " command -v zstd >/dev/null 2>&1 || echo no-zstd"
)
_NO_ZSTD = "no-zstd"


async def check_dump_tools(connections: Connections, target: Target, version: str | None) -> tuple[CheckResult, ...]:
    """Look which programs could dump a target's database.

    Args:
        connections: to the hosts.
        target: that is backed up.
        version: of its server; None where it is not known.

    Raises:
        RefusedError: a reason of the host.
    """
    what = f"{target.name} on {target.hosts[0]}: dumps"
    answer = await connections.read(target.hosts[0], _VERSIONS, _SECONDS)
    tools = [line.strip() for line in answer.stdout.decode(errors="replace").splitlines() if line.strip()]
    no_zstd = _NO_ZSTD in tools
    tools = [tool for tool in tools if tool != _NO_ZSTD]
    if not tools:
        return (fail(what, "neither mariadb-dump nor mysqldump is installed - install the server's own client"),)
    if version is None:
        return ()
    wants_mariadb = "mariadb" in version.lower()
    fitting = [tool for tool in tools if ("mariadb" in tool.lower()) is wants_mariadb]
    if fitting and no_zstd:
        return (warn(what, f"{fitting[0]}; zstd is not installed, so gzip packs: slower, and larger - install zstd"),)
    if fitting:
        return (ok(what, fitting[0]),)
    package = "mariadb-client" if wants_mariadb else "mysql-client"
    return (
        warn(
            what,
            f"the server is {version}, and {tools[0]} is of another vendor: it is used only where all that is in the"
            f" database can be restored from what it writes - install {package}",
        ),
    )
