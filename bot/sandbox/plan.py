"""A sandbox as a value, and the shell functions with which a step on the host makes it and runs code in it. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib import resources

from bot.domain.names import is_name
from bot.domain.shell import Command, Syntax, assignments
from bot.sandbox import server as servers
from bot.sandbox.environment import Environment
from bot.sandbox.python_environment import FOLDERS
from bot.sandbox.server import (
    MEMORY_KIB,
    PrivateServer,
    RelayedServer,
    SandboxServer,
    layout,
    option_text,
    zone_of,
)

_MIB = 1024

_PATH = re.compile(r"(/[A-Za-z0-9_@%+,.-]+)+")


@dataclass(frozen=True)
class Limits:
    """What a sandbox may take. Sizes are in KiB.

    Args:
        processes: at once, threads included.
        memory: of each process's address space, and of all processes together, the server's included.
        file: of one file.
        disk: of everything that it writes, the server's files included.
        output: of what is kept of what a command prints.
        log: of what is kept of the server's log for one command.
        free_memory: what the host keeps for itself.
        free_disk: what the host keeps for itself.
    """

    processes: int = 256
    memory: int = 2048 * _MIB
    file: int = 1024 * _MIB
    disk: int = 4096 * _MIB
    output: int = 256
    log: int = 16 * _MIB
    free_memory: int = 512 * _MIB
    free_disk: int = 1024 * _MIB


@dataclass(frozen=True)
class CodeBox:
    """Where code of a commit runs.

    Args:
        path: what the application's folder is called inside: the live one's path.
        environment: the live environment; None where there is none.
        read_only: further folders of the host that it sees.
        python: the live virtual environment, absolute or relative to `path`; the code sees it and its interpreter
            read-only, once `python_environment` was called. Empty where the application has none.

    Raises:
        ValueError: a path is not absolute, is a folder of the system, or has an odd character.
    """

    path: str
    environment: Environment | None = None
    read_only: tuple[str, ...] = ()
    python: str = ""

    def __post_init__(self) -> None:
        if self.python and _PATH.fullmatch(f"/{self.python.lstrip('/')}") is None:
            raise ValueError(f"not a path for a sandbox: {self.python!r}")
        for path in (self.path, *self.read_only):
            if _PATH.fullmatch(path) is None or {".", ".."} & set(path.split("/")):
                raise ValueError(f"not a path for a sandbox: {path!r}")
            in_memory = path.startswith("/dev/shm/")  # noqa: S108 - the sandbox has one of its own
            if not in_memory and path.split("/")[1] in {
                "proc",
                "dev",
                "sys",
                "sandbox",
                "etc",
                "usr",
                "bin",
                "sbin",
                "lib",
                "lib64",
            }:
                raise ValueError(f"not a path for a sandbox: {path!r}")
        if {"/home", "/root", "/run", "/var", "/tmp"} & {self.path, *self.read_only}:  # noqa: S108 - they are refused
            raise ValueError("a sandbox sees no such folder")


@dataclass(frozen=True)
class Sandbox:
    """A sandbox.

    Args:
        results: name of the folder for its results, in the folder that the steps of a run share.
        server: None where code needs no database.
        code: None where only the server is wanted.
        limits: what it may take.
        wait: seconds to wait for another sandbox on the host.
    """

    results: str
    server: SandboxServer | None
    code: CodeBox | None = None
    limits: Limits = Limits()
    wait: int = 600

    def __post_init__(self) -> None:
        if not is_name(self.results):
            raise ValueError(f"not the name of a folder: {self.results!r}")


@cache
def script(*names: str) -> str:
    """Read scripts of this package, one after the other."""
    folder = resources.files("bot.sandbox").joinpath("scripts")
    return "".join(folder.joinpath(name).read_text(encoding="utf-8") for name in names)


def functions(sandbox: Sandbox) -> Command:
    """Write the shell functions of a sandbox, as `start.sh` describes them, for the beginning of a step's script.

    The step runs with `COUNTERSIGN_RUN_DIR`, as each does, and calls `sandbox_close` however it ends.

    Args:
        sandbox: what it is like.
    """
    server, code, limits = sandbox.server, sandbox.code, sandbox.limits
    environment = code.environment if code is not None else None
    values = {
        "sandbox_wait": str(sandbox.wait),
        "sandbox_at": code.path if code is not None else "/work",
        "sandbox_read_only": "\n".join(code.read_only) if code is not None else "",
        "sandbox_python": code.python if code is not None else "",
        "sandbox_folders": FOLDERS if code is not None and code.python else "",
        "sandbox_env_from": environment.path if environment is not None else "",
        "sandbox_env_to": environment.name if environment is not None else "",
        "sandbox_env_form": environment.form.value if environment is not None else "",
        "sandbox_rules": environment.rules() if environment is not None else "",
        "sandbox_processes": str(limits.processes),
        "sandbox_memory": str(limits.memory),
        "sandbox_file": str(limits.file),
        "sandbox_disk": str(limits.disk),
        "sandbox_output": str(limits.output),
        "sandbox_log": str(limits.log),
        "sandbox_free_memory": str(limits.free_memory),
        "sandbox_free_disk": str(limits.free_disk),
        **_server_values(server),
        "sandbox_inside": script("measure.sh", "confine.sh", "outside.sh", "inside.sh"),
        "sandbox_awk": script("environment.awk"),
    }
    results = Syntax(f"sandbox_results=$COUNTERSIGN_RUN_DIR/{sandbox.results}\n")
    of_server = ("relayed_server.sh",) if isinstance(server, RelayedServer) else ("template.sh", "private_server.sh")
    library = script("place.sh", "measure.sh", "confine.sh", *of_server, "start.sh", "commit.sh")
    return Command((*assignments(values), results, Syntax(library)))


def _server_values(server: SandboxServer | None) -> dict[str, str]:
    endpoint = server.endpoint if server is not None else None
    common = {
        "sandbox_port": str(endpoint.port) if endpoint is not None else "",
        "sandbox_hosts": "\n".join(endpoint.hosts) if endpoint is not None else "",
        "sandbox_sockets": "\n".join(endpoint.sockets) if endpoint is not None else "",
    }
    match server:
        case None:
            return {**common, **_NO_SERVER}
        case PrivateServer():
            return {**common, **_private_values(server)}
        case RelayedServer():
            return {**common, **_relayed_values(server)}


_NO_SERVER = {
    "sandbox_server": "",
    "sandbox_program": "",
    "sandbox_relay": "",
    "sandbox_data": "0",
    "sandbox_server_memory": "0",
    "sandbox_zone": "",
    "sandbox_stands_for": "",
    "sandbox_copy": "",
    "sandbox_user": "",
}


def _private_values(server: PrivateServer) -> dict[str, str]:
    settings = server.settings
    return {
        **_NO_SERVER,
        "sandbox_server": "private",
        "sandbox_programs": " ".join(servers.PROGRAMS),
        "sandbox_kind": server.series.kind.value,
        "sandbox_series": server.series.series,
        "sandbox_template_suffix": f"{settings.lower_case_table_names}-{settings.page_size}",
        "sandbox_layout": " ".join(layout(server.series, settings)),
        "sandbox_options": option_text(server.series, settings),
        "sandbox_zone": zone_of(settings),
        "sandbox_named_zones": "yes" if settings.named_time_zones else "",
        "sandbox_data": str(server.data_kib),
        "sandbox_server_memory": str(MEMORY_KIB[server.series.kind]),
        "sandbox_users": "\n".join(server.users),
        "sandbox_create": "\n".join(database.create() for database in server.databases),
        "sandbox_grants": "\n".join(database.pattern() for database in server.databases),
    }


def _relayed_values(server: RelayedServer) -> dict[str, str]:
    return {
        **_NO_SERVER,
        "sandbox_server": "relayed",
        "sandbox_kind": server.series.kind.value,
        "sandbox_relay": script("relay.pl"),
        "sandbox_host": server.host,
        "sandbox_remote_port": str(server.port),
        "sandbox_data": str(server.data_kib),
        "sandbox_create": server.database.create(),
        "sandbox_copy": server.database.name,
        "sandbox_pattern": server.database.pattern().strip("`"),
        "sandbox_user": server.user,
        "sandbox_stands_for": server.stands_for,
    }


def sweep() -> Command:
    """Write the script that removes what killed sandboxes left on a host; it leaves one that is at work alone."""
    return Command((Syntax(script("place.sh", "sweep.sh")),))
