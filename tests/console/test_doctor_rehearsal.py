"""What `doctor` and `check` say of rehearsals: which way, what stands in it, and the lines an administrator runs."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from bot.console.doctor import _print
from bot.console.doctor_checks.check_result import CheckResult, CheckStatus
from bot.console.doctor_checks.rehearsals import check_rehearsal, sandbox_result
from bot.console.rehearsal_text import rehearsal_text
from bot.demo.host.host import DemoHost
from bot.domain.policies.rehearsal_mode import RehearsalMode
from bot.domain.secrets import Masker, Secret
from bot.domain.targets.scratch import Scratch, ScratchBeside, ScratchNone, ScratchPrivate, ScratchServer
from bot.domain.targets.target import Target
from bot.hosts.connections import Connections
from bot.recipes.load import load_recipe
from bot.recipes.recipe import MigrationTable, Recipe
from bot.sandbox.capability import Capable, Incapable, ServerProgram
from bot.sandbox.obstacles import APPARMOR_PROFILE, Distribution, Obstacle, Refusal
from bot.sandbox.server import ServerKind, ServerSeries
from tests.hosts.support.jobs import host_of
from tests.support.examples import TARGET

WHAT = "rehearsal of compte production"
DEBIAN = Distribution("debian", "12")
MARIADB = ServerSeries(ServerKind.MARIADB, "10.11")
MYSQL = ServerSeries(ServerKind.MYSQL, "8.0")
GIB = 1 << 20
CAN = Capable((ServerProgram("/usr/sbin/mariadbd", MARIADB),), True, 8 * GIB, 50 * GIB, None, DEBIAN)
SERVER = ScratchServer("10.0.0.9", 3306, "rehearsal", Secret("correct horse"))
MORE = "need the approvals of `destructive-migration`"


def target(mode: RehearsalMode, scratch: Scratch) -> Target:
    assert TARGET.database is not None
    policy = replace(TARGET.policy, rehearsal=mode)
    return replace(TARGET, policy=policy, database=replace(TARGET.database, scratch=scratch))


@pytest.mark.parametrize(
    ("recipe", "mode", "scratch", "told"),
    [
        (
            "laravel",
            RehearsalMode.SANDBOX,
            ScratchPrivate(),
            f"rehearsed before approval, in a sandbox on web1; where there is none, they {MORE}",
        ),
        ("laravel", RehearsalMode.SANDBOX, ScratchNone(), f"not rehearsed (`scratch: false`), and {MORE}"),
        ("laravel", RehearsalMode.NEVER, ScratchBeside(), f"not rehearsed (`rehearsal: never`), and {MORE}"),
        (
            "laravel",
            RehearsalMode.TRUSTED,
            ScratchBeside(),
            f"rehearsed before approval, with production's rights, and only commits on main; others {MORE}",
        ),
        ("laravel", RehearsalMode.AFTER_APPROVAL, SERVER, "rehearsed after approval, on 10.0.0.9:3306"),
        ("shell", RehearsalMode.SANDBOX, ScratchPrivate(), None),
    ],
)
def test_what_the_configuration_means(recipe: str, mode: RehearsalMode, scratch: Scratch, told: str | None) -> None:
    assert rehearsal_text(target(mode, scratch), load_recipe(recipe, Path())) == told


def without(recipe: Recipe, **missing: None) -> Recipe:
    assert isinstance(recipe.migrations, MigrationTable)
    return replace(recipe, migrations=replace(recipe.migrations, **missing))


def test_a_recipe_that_cannot() -> None:
    laravel = load_recipe("laravel", Path())
    told = rehearsal_text(target(RehearsalMode.SANDBOX, ScratchPrivate()), without(laravel, sandbox=None))
    assert told == f"not rehearsed, for the recipe has no `sandbox`, and {MORE}"
    told = rehearsal_text(target(RehearsalMode.TRUSTED, ScratchBeside()), without(laravel, rehearsal=None))
    assert told == f"not rehearsed, for the recipe has no `rehearsal`, and {MORE}"


def test_no_database_has_no_rehearsal() -> None:
    bare = replace(TARGET, database=None)
    assert rehearsal_text(bare, load_recipe("laravel", Path())) is None


@pytest.mark.parametrize(
    ("capability", "series", "status", "detail", "remedy"),
    [
        (
            CAN,
            MARIADB,
            CheckStatus.OK,
            "in a sandbox, with MariaDB 10.11 (/usr/sbin/mariadbd) as the live server",
            (),
        ),
        (
            replace(CAN, serves_addresses=False),
            MARIADB,
            CheckStatus.OK,
            "in a sandbox, with MariaDB 10.11 (/usr/sbin/mariadbd) as the live server; it answers at loopback and at "
            "names, not at other addresses",
            (),
        ),
        (
            CAN,
            None,
            CheckStatus.WARN,
            "a sandbox is possible; installed: MariaDB 10.11 (/usr/sbin/mariadbd); the live server's series is unknown",
            (),
        ),
        (
            CAN,
            MYSQL,
            CheckStatus.WARN,
            "no sandbox (version: the live server is MySQL 8.0; installed: MariaDB 10.11), so migrations "
            "need the approvals of `destructive-migration`",
            (),
        ),
        (
            replace(CAN, programs=()),
            MARIADB,
            CheckStatus.WARN,
            "no sandbox (server: neither mariadbd nor mysqld is installed), so migrations "
            "need the approvals of `destructive-migration`; an administrator of the host runs:",
            ("apt-get install -y --no-install-recommends mariadb-server-core  # or mysql-server-core-8.0",),
        ),
        (
            replace(CAN, memory_kib=1024),
            MARIADB,
            CheckStatus.WARN,
            "no sandbox (memory: 1024 KiB are available, and 860160 KiB are needed), so migrations "
            "need the approvals of `destructive-migration`",
            (),
        ),
        (
            Incapable(Refusal(Obstacle.TOOLS, "not installed: bwrap"), ("apt-get install -y bubblewrap",)),
            MARIADB,
            CheckStatus.WARN,
            "no sandbox (tools: not installed: bwrap), so migrations need the approvals of `destructive-migration`; "
            "an administrator of the host runs:",
            ("apt-get install -y bubblewrap",),
        ),
        (
            Incapable(Refusal(Obstacle.NAMESPACES, ""), ()),
            None,
            CheckStatus.WARN,
            "no sandbox (namespaces: it was refused without a word), so migrations "
            "need the approvals of `destructive-migration`",
            (),
        ),
    ],
)
def test_what_the_doctor_says_of_a_sandbox(
    capability: Capable | Incapable,
    series: ServerSeries | None,
    status: CheckStatus,
    detail: str,
    remedy: tuple[str, ...],
) -> None:
    assert sandbox_result(WHAT, capability, series) == CheckResult(status, WHAT, detail, remedy)


def test_lines_for_an_administrator_are_printed_as_they_are() -> None:
    lines = tuple(APPARMOR_PROFILE.split("\n"))
    out = StringIO()
    result = CheckResult(CheckStatus.WARN, WHAT, "no sandbox; an administrator of the host runs:", lines)
    _print(result, Console(file=out, width=80, markup=False, highlight=False), Masker(()))
    first, *others = out.getvalue().splitlines()
    assert first == f"warn  {WHAT}: no sandbox; an administrator of the host runs:"
    assert "\n".join(others) == APPARMOR_PROFILE


async def test_a_real_host_is_tried_and_nothing_is_left(ssh_host: DemoHost) -> None:
    laravel = load_recipe("laravel", Path())
    there = sorted(ssh_host.home.rglob("*"))
    async with Connections({"web1": host_of(ssh_host)}) as connections:
        [found] = await check_rehearsal(connections, target(RehearsalMode.SANDBOX, ScratchPrivate()), laravel, MARIADB)
    assert found.what == WHAT
    assert found.status is CheckStatus.OK or found.detail.startswith("no sandbox (")
    assert sorted(ssh_host.home.rglob("*")) == there


async def test_a_host_without_bubblewrap_says_what_to_install(ssh_host: DemoHost) -> None:
    laravel = load_recipe("laravel", Path())

    class WithoutBubblewrap(Connections):
        async def read(self, *words, **options):
            answer = await super().read(*words, **options)
            cut = [line for line in answer.stdout.split(b"\n") if not line.startswith((b"network\t", b"confined\t"))]
            return replace(answer, stdout=b"missing\tbwrap\n" + b"\n".join(cut))

    async with WithoutBubblewrap({"web1": host_of(ssh_host)}) as connections:
        [found] = await check_rehearsal(connections, target(RehearsalMode.SANDBOX, ScratchPrivate()), laravel, MARIADB)
    assert found.status is CheckStatus.WARN
    assert [line.split()[-1] for line in found.remedy] == ["bubblewrap"]


async def test_a_host_that_answers_something_else(ssh_host: DemoHost) -> None:
    laravel = load_recipe("laravel", Path())

    class Cut(Connections):
        async def read(self, *words, **options):
            answer = await super().read(*words, **options)
            return replace(answer, stdout=answer.stdout[:-5])

    async with Cut({"web1": host_of(ssh_host)}) as connections:
        [found] = await check_rehearsal(connections, target(RehearsalMode.SANDBOX, ScratchPrivate()), laravel, MARIADB)
    assert found.status is CheckStatus.FAIL
    assert "can't tell whether a sandbox is possible" in found.detail


@pytest.mark.parametrize(
    ("mode", "scratch", "status"),
    [
        (RehearsalMode.NEVER, ScratchPrivate(), CheckStatus.OK),
        (RehearsalMode.AFTER_APPROVAL, SERVER, CheckStatus.OK),
        (RehearsalMode.TRUSTED, ScratchBeside(), CheckStatus.WARN),
        (RehearsalMode.SANDBOX, ScratchNone(), CheckStatus.WARN),
    ],
)
async def test_no_host_is_asked_where_there_is_no_sandbox(
    mode: RehearsalMode, scratch: Scratch, status: CheckStatus
) -> None:
    laravel = load_recipe("laravel", Path())
    async with Connections({}) as connections:
        [found] = await check_rehearsal(connections, target(mode, scratch), laravel, None)
    assert found == CheckResult(status, WHAT, rehearsal_text(target(mode, scratch), laravel) or "")
