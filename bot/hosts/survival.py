"""Whether detached steps outlive the connection on a host, where systemd can kill a user's processes at logout."""

from __future__ import annotations

from enum import StrEnum

from bot.domain.shell import Command, syntax
from bot.hosts.connections import Connections

_SECONDS = 20.0


class Survival(StrEnum):
    """The fate of a detached step when its connection is lost."""

    LIVES = "lives"
    KILLED = "killed"
    """`KillUserProcesses=yes`: the host's administrator must exempt the account (`KillExcludeUsers=`)."""
    CANNOT_TELL = "cannot_tell"


def build_question() -> Command:
    """Write the command that asks a host: `loginctl` where it answers, else the configuration files of logind."""
    return syntax("""
printf 'user=%s\\n' "$(id -un)"
[ -d /run/systemd/system ] || { echo no-systemd; exit 0; }
settings=$(loginctl show-user --property=KillUserProcesses --property=KillExcludeUsers 2>/dev/null)
if [ -n "$settings" ]; then
  printf '%s\\n' "$settings"
else
  cat /etc/systemd/logind.conf /etc/systemd/logind.conf.d/*.conf 2>/dev/null
fi
:
""")


def parse_survival(answer: str) -> Survival:
    """Parse the host's answer.

    Args:
        answer: what `build_question` printed.
    """
    lines = [line.strip() for line in answer.splitlines()]
    settings = dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    user = settings.get("user", "")
    if "no-systemd" in lines or (user and user in settings.get("KillExcludeUsers", "root").split()):
        return Survival.LIVES
    # The default is chosen when systemd is built; Debian's differs from upstream's.
    match settings.get("KillUserProcesses", "").lower():
        case "yes" | "true" | "1" | "on":
            return Survival.KILLED
        case "no" | "false" | "0" | "off":
            return Survival.LIVES
    return Survival.CANNOT_TELL


async def read_survival(connections: Connections, host: str) -> Survival:
    """Read from a host whether detached steps survive.

    Args:
        connections: to the hosts.
        host: its name.

    Raises:
        RefusedError: `host_unreachable`, `host_key_changed`, `host_login_refused`.
    """
    answer = await connections.read(host, build_question(), _SECONDS)
    return parse_survival(answer.stdout.decode(errors="replace")) if answer.exit_status == 0 else Survival.CANNOT_TELL
