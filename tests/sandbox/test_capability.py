import shutil
import subprocess
from dataclasses import replace

import pytest

from bot.sandbox.capability import Capable, Incapable, capability_of, probe
from bot.sandbox.obstacles import (
    APPARMOR_PROFILE,
    Distribution,
    KernelSwitches,
    Obstacle,
    install_lines,
    namespace_lines,
)
from bot.sandbox.plan import Limits
from bot.sandbox.server import ServerKind, ServerSeries
from tests.sandbox.support.bench import Bench, server

DEBIAN = Distribution("debian", "12")
ALMA = Distribution("almalinux", "9.4", ("rhel", "centos", "fedora"))


def test_a_host_that_can(host: Bench) -> None:
    capability = capability_of(host.answer(probe()))
    assert isinstance(capability, Capable)
    assert capability.serves_addresses
    series = server().series
    assert series in {program.series for program in capability.programs}
    limits = Limits(free_memory=1024, free_disk=1024)
    assert capability.refusal(series, limits) is None
    other = capability.refusal(ServerSeries(ServerKind.MYSQL, "5.1"), limits)
    assert other is not None
    assert other[0].obstacle is Obstacle.VERSION
    assert other[0].detail.startswith("the live server is MySQL 5.1; installed: MariaDB ")
    for less, obstacle in (
        ({"memory_kib": 100_000}, Obstacle.MEMORY),
        ({"disk_kib": 100_000}, Obstacle.DISK),
        ({"inodes": 10}, Obstacle.DISK),
        ({"programs": ()}, Obstacle.SERVER),
    ):
        found = replace(capability, **less).refusal(series, limits)  # type: ignore[arg-type]
        assert found is not None
        assert found[0].obstacle is obstacle
    # It left nothing.
    assert not list(host.home.glob("tmp*"))
    assert host.processes() == []


def test_no_bubblewrap(host: Bench) -> None:
    capability = capability_of(host.without("bwrap", "ip").answer(probe()))
    assert isinstance(capability, Incapable)
    assert capability.refusal.obstacle is Obstacle.TOOLS
    assert capability.refusal.detail == "not installed: bwrap"
    assert capability.remedy == ("apt-get install -y bubblewrap iproute2",)


def test_no_bubblewrap_when_a_sandbox_is_claimed(some_host: Bench) -> None:
    host = some_host.without("bwrap")
    host.say(host.text(host.sandbox(server()), "sandbox_run never 5 true"))
    refusal = host.results().refusal
    assert refusal is not None
    assert (refusal.obstacle, refusal.detail) == (Obstacle.TOOLS, "bwrap is not installed")


def test_the_bot_s_folder_cannot_be_written_to(some_host: Bench) -> None:
    some_host.state.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(some_host.state)
    some_host.state.write_text("a file")
    some_host.say(some_host.text(some_host.sandbox(server()), "sandbox_run never 5 true"))
    refusal = some_host.results().refusal
    assert refusal is not None
    assert refusal.obstacle is Obstacle.UNWRITABLE


def test_user_namespaces_are_forbidden(some_host: Bench) -> None:
    script = probe().script()
    file = some_host.home / "probe"
    file.write_text(script)
    forbid = ["bwrap", "--unshare-user", "--disable-userns", "--dev-bind", "/", "/", "--proc", "/proc"]
    told = subprocess.run(
        [*some_host._become(), *forbid, "sh", file],
        env={"HOME": str(some_host.home), "PATH": some_host.path},
        capture_output=True,
        text=True,
        check=True,
    )  # fmt: skip
    capability = capability_of(told.stdout)
    assert isinstance(capability, Incapable)
    assert capability.refusal.obstacle is Obstacle.NAMESPACES
    assert "namespace" in capability.refusal.detail


@pytest.mark.parametrize(
    ("switches", "lines"),
    [
        (
            KernelSwitches(userns_clone=0),
            ("echo kernel.unprivileged_userns_clone=1 >/etc/sysctl.d/60-countersign.conf", "sysctl --system"),
        ),
        (
            KernelSwitches(max_user_namespaces=0, userns_clone=1),
            ("echo user.max_user_namespaces=15000 >/etc/sysctl.d/60-countersign.conf", "sysctl --system"),
        ),
        (KernelSwitches(apparmor_restricts=1), tuple(APPARMOR_PROFILE.split("\n"))),
        (KernelSwitches(apparmor_restricts=0, max_user_namespaces=90000), ()),
    ],
)
def test_what_an_administrator_runs(switches: KernelSwitches, lines: tuple[str, ...]) -> None:
    assert namespace_lines(switches, DEBIAN) == lines


def test_packages_by_distribution() -> None:
    missing = ("bwrap", "ip", "setpriv", "flock")
    assert install_lines(missing, DEBIAN) == ("apt-get install -y bubblewrap iproute2 util-linux",)
    assert install_lines(missing, ALMA) == ("dnf install -y bubblewrap iproute util-linux",)
    assert install_lines((), DEBIAN) == ()


UBUNTU = """uid\t1000
distribution\tubuntu 24.04
like\tdebian
kernel.unprivileged_userns_clone\t1
kernel.apparmor_restrict_unprivileged_userns\t1
user.max_user_namespaces\t31000
program\t/usr/sbin/mysqld\t/usr/sbin/mysqld  Ver 8.0.39-0ubuntu0.24.04.2 for Linux on x86_64 ((Ubuntu))
memory\t1000000
disk\t2000000
inodes\t0
network\tno: bwrap: setting up uid map: Permission denied
end\tyes
"""


def test_ubuntu_s_profile() -> None:
    capability = capability_of(UBUNTU)
    assert isinstance(capability, Incapable)
    assert capability.refusal.obstacle is Obstacle.NAMESPACES
    assert "profile bwrap /usr/bin/bwrap flags=(unconfined) {" in capability.remedy
    mended = capability_of(UBUNTU.replace("no: bwrap: setting up uid map: Permission denied", "yes\nconfined\tyes"))
    assert isinstance(mended, Capable)
    assert (mended.serves_addresses, mended.inodes, mended.distribution.is_debian) == (False, None, True)
    assert mended.programs[0].series == ServerSeries(ServerKind.MYSQL, "8.0")
    refused = capability_of(
        UBUNTU.replace("no: bwrap: setting up uid map: Permission denied", "yes\nconfined\tno: denied")
    )
    assert isinstance(refused, Incapable)
    assert refused.refusal.obstacle is Obstacle.CONFINEMENT


@pytest.mark.parametrize("answer", ["", "uid\t0\n", "something else\n", UBUNTU.replace("end\tyes\n", "")])
def test_an_answer_that_was_cut_is_no_answer(answer: str) -> None:
    with pytest.raises(ValueError, match=r"cut|not a line"):
        capability_of(answer)
