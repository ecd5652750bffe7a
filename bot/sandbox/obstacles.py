"""Why a host cannot have a sandbox, and what an administrator does about it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Obstacle(StrEnum):
    """Why there is no sandbox."""

    TOOLS = "tools"
    """A program is missing: bubblewrap, or one of the system's own."""
    NAMESPACES = "namespaces"
    """The kernel, or the host's policy, refuses a private network to this account."""
    CONFINEMENT = "confinement"
    """The network can be had, and no confined process inside it."""
    SERVER = "server"
    """No database server's program is installed."""
    VERSION = "version"
    """There is a server's program, and none of the live server's series."""
    MEMORY = "memory"
    """Too little memory is free."""
    DISK = "disk"
    """Too little room, or too few files, are free."""
    UNWRITABLE = "unwritable"
    """The bot's folder cannot be written to."""
    BUSY = "busy"
    """Another sandbox was at work for too long."""
    TEMPLATE = "template"
    """The server's data folder could not be initialised."""
    START = "start"
    """The private server did not start."""
    HARD_LINKS = "hard_links"
    """The copy of the application shares a file with something else."""
    ENVIRONMENT = "environment"
    """The live environment cannot be read."""
    LACKS = "lacks"
    """The live server has something that the private one has not, such as another database or a plugin."""
    FORBIDDEN = "forbidden"
    """There is no private server, and beside the live database the account may not do what it takes."""
    SCRATCH = "scratch"
    """The scratch server does not let its account make what a sandbox needs there, or did not answer."""
    LOST = "lost"
    """The private server was ended, or ended by itself, while it was needed."""


@dataclass(frozen=True)
class Refusal:
    """Why a sandbox could not be.

    Args:
        obstacle: what stood in its way.
        detail: what was found, for people.
    """

    obstacle: Obstacle
    detail: str


@dataclass(frozen=True)
class Distribution:
    """What a host runs, as /etc/os-release says.

    Args:
        id: such as `debian`.
        version: such as `12`; empty where it has none.
        like: IDs that it descends from.
    """

    id: str
    version: str = ""
    like: tuple[str, ...] = ()

    @property
    def is_debian(self) -> bool:
        """Whether packages come by apt."""
        return bool({"debian", "ubuntu"} & {self.id, *self.like})

    @property
    def is_red_hat(self) -> bool:
        """Whether packages come by dnf."""
        return bool({"rhel", "fedora", "centos"} & {self.id, *self.like})


@dataclass(frozen=True)
class KernelSwitches:
    """Settings that decide whether an ordinary account may have namespaces; None where the kernel has no such one.

    Args:
        userns_clone: `kernel.unprivileged_userns_clone`, Debian's.
        apparmor_restricts: `kernel.apparmor_restrict_unprivileged_userns`, Ubuntu's.
        max_user_namespaces: `user.max_user_namespaces`.
    """

    userns_clone: int | None = None
    apparmor_restricts: int | None = None
    max_user_namespaces: int | None = None


_PACKAGES = {
    "bwrap": ("bubblewrap", "bubblewrap"),
    "ip": ("iproute2", "iproute"),
    "setpriv": ("util-linux", "util-linux"),
    "prlimit": ("util-linux", "util-linux"),
    "flock": ("util-linux", "util-linux"),
    "awk": ("mawk", "gawk"),
    "nice": ("coreutils", "coreutils"),
}
"""Program to the package that has it, of Debian's kind and of Red Hat's."""

APPARMOR_PROFILE = """\
cat >/etc/apparmor.d/bwrap <<'END'
abi <abi/4.0>,
include <tunables/global>
profile bwrap /usr/bin/bwrap flags=(unconfined) {
  userns,
}
END
apparmor_parser -r /etc/apparmor.d/bwrap"""
"""Lets bubblewrap, and what it starts, have user namespaces on Ubuntu 23.10 and later."""


def install_lines(missing: tuple[str, ...], distribution: Distribution) -> tuple[str, ...]:
    """List the lines that install missing programs; an administrator runs them."""
    column = 1 if distribution.is_red_hat else 0
    packages = sorted({_PACKAGES[program][column] for program in missing if program in _PACKAGES})
    if not packages:
        return ()
    return (f"{'dnf' if distribution.is_red_hat else 'apt-get'} install -y {' '.join(packages)}",)


def namespace_lines(switches: KernelSwitches, distribution: Distribution) -> tuple[str, ...]:
    """List the lines that let this account have namespaces; an administrator runs them.

    Returns:
        The lines; none where no known switch stands in the way (in a container, the container's host decides).
    """
    lines = []
    if switches.userns_clone == 0:
        lines += _switch("kernel.unprivileged_userns_clone=1")
    if switches.max_user_namespaces == 0:
        lines += _switch("user.max_user_namespaces=15000")
    if switches.apparmor_restricts == 1:
        lines += APPARMOR_PROFILE.split("\n")
    return tuple(lines)


def server_lines(distribution: Distribution) -> tuple[str, ...]:
    """List the lines that install a server's program without starting a service."""
    if distribution.is_debian:
        return ("apt-get install -y --no-install-recommends mariadb-server-core  # or mysql-server-core-8.0",)
    if distribution.is_red_hat:
        return ("dnf install -y mariadb-server  # or mysql-server; do not enable the service",)
    return ()


def _switch(setting: str) -> list[str]:
    return [f"echo {setting} >/etc/sysctl.d/60-countersign.conf", "sysctl --system"]
