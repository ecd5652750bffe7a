"""The swap of restored tables is cut short or lied to: the live tables are as they were, or nobody says so."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest

from bot.databases.backups.leftovers import LeftoverReader
from bot.databases.backups.restore import SwapPerformer
from bot.databases.backups.restore_script import RestoreStage
from bot.demo.host.database import DatabaseServer, DemoDatabase
from bot.domain.errors import Reason, problem
from bot.domain.secrets import Secret
from bot.domain.shell import Command
from bot.domain.targets.target import Target
from bot.engine.ports import Failed, Job, Outcome, Output, Unknown
from tests.databases.support.contents import checksums, databases_beside, definitions, execute
from tests.databases.support.local import KeptOutput, LocalHost, access_to, stand_in
from tests.databases.support.steps import copy_and_old, done, job_of, loaded, performer, refused, swap_job_of
from tests.support import eventually
from tests.support.vendors import PROGRAMS

APART = "zz_apart"
"""A table without triggers: what holds it lets everything but the move of the tables go on."""


@pytest.fixture
def scratch() -> bool:
    return True


class Cut(LocalHost):
    """A host that says of a script that a signal ended only why that was done."""

    def __init__(self, path: Path, why: Reason) -> None:
        super().__init__(path)
        self._why = why

    async def perform(
        self, job: Job, script: Command, directory: str, files: Mapping[str, Secret], output: Output
    ) -> Outcome:
        outcome = await super().perform(job, script, directory, files, output)
        if isinstance(outcome, Failed) and outcome.exit_status is not None and outcome.exit_status < 0:
            return Failed(problem(self._why, host=job.place))
        return outcome


async def ready(
    host: LocalHost, target: Target, mariadb: DatabaseServer, filled: DemoDatabase
) -> tuple[object, object]:
    """Restore beside the live database, which then differs; give what is live."""
    await execute(filled, f"CREATE TABLE {APART} (id INT)")
    made = done(await performer(host).perform(job_of(target), KeptOutput()))
    await execute(filled, "DELETE FROM sessions")
    await loaded(host, target, made["sha256"])
    return await live(mariadb, filled)


def moves_oddly(folder: Path, how: str) -> None:
    """Let the database's client do otherwise with what it is given, in $sql, where that may move the tables."""
    asks = f'case " $* " in *" --binary-mode "*) ;; *) exec /usr/bin/{PROGRAMS.client} "$@" ;; esac'
    stand_in(folder, PROGRAMS.client, f"{asks}\nsql=$(cat)\n{how}")


async def live(mariadb: DatabaseServer, database: DemoDatabase) -> tuple[object, object]:
    return await checksums(mariadb, database.name), await definitions(mariadb, database.name)


async def test_tables_that_moved_though_the_answer_was_lost_are_put_back(
    filled: DemoDatabase, target: Target, mariadb: DatabaseServer, tmp_path: Path, leftovers: LeftoverReader
) -> None:
    host = LocalHost(tmp_path / "bin")
    was = await ready(host, target, mariadb, filled)
    moves_oddly(
        tmp_path / "bin",
        f'printf "%s\\n" "$sql" | /usr/bin/{PROGRAMS.client} "$@" || exit\n'
        'case $sql in "RENAME TABLE"*) [ -e "$0.lied" ] || { : >"$0.lied"; exit 1; } ;; esac',
    )  # fmt: skip
    said = refused(
        await SwapPerformer(access_to(host), leftovers).perform(swap_job_of(target), KeptOutput()), RestoreStage.SWAP
    )
    assert "put back" in said
    assert await live(mariadb, filled) == was
    assert await databases_beside(mariadb, target) == [copy_and_old(target)[0]]


@pytest.mark.parametrize("why", [Reason.TIMED_OUT, Reason.CANCELLED, Reason.EXIT_STATUS])
async def test_a_swap_that_was_killed_before_it_could_put_back_is_in_doubt(
    why: Reason,
    filled: DemoDatabase,
    target: Target,
    mariadb: DatabaseServer,
    tmp_path: Path,
    leftovers: LeftoverReader,
) -> None:
    host = Cut(tmp_path / "bin", why)
    await ready(host, target, mariadb, filled)
    # just when the tables have moved
    stand_in(
        tmp_path / "bin", "awk",
        'case "$*" in *object*) kill -KILL 0 ;; esac\nexec /usr/bin/awk "$@"',
    )  # fmt: skip
    outcome = await SwapPerformer(access_to(host), leftovers).perform(swap_job_of(target), KeptOutput())
    assert isinstance(outcome, Unknown), outcome
    assert outcome.problem.facts["why"] == why.value


async def test_a_move_that_waits_in_the_server_goes_with_whoever_asked_for_it(
    filled: DemoDatabase, target: Target, mariadb: DatabaseServer, tmp_path: Path, leftovers: LeftoverReader
) -> None:
    host = LocalHost(tmp_path / "bin")
    was = await ready(host, target, mariadb, filled)
    # What has a session of its own is not reached by who ends the script: the server does not see that it is gone.
    moves_oddly(
        tmp_path / "bin",
        f'case $sql in "RENAME TABLE"*) printf "%s\\n" "$sql" | setsid /usr/bin/{PROGRAMS.client} "$@"; exit ;; esac\n'
        f'printf "%s\\n" "$sql" | exec /usr/bin/{PROGRAMS.client} "$@"',
    )  # fmt: skip
    output = KeptOutput()
    async with mariadb.lock_table(filled.name, APART):
        swapping = asyncio.create_task(SwapPerformer(access_to(host), leftovers).perform(swap_job_of(target), output))
        await eventually(lambda: moving(mariadb, filled), seconds=30)
        await host.end(swap_job_of(target))
        outcome = await asyncio.wait_for(swapping, 60)
        assert not await moving(mariadb, filled)
    assert isinstance(outcome, Failed), outcome
    assert b"put back as it was" in output.text
    assert await live(mariadb, filled) == was


async def moving(mariadb: DatabaseServer, database: DemoDatabase) -> bool:
    """Whether the statement that moves the tables of a database is at work."""
    rows = await mariadb.query("SELECT info AS i FROM information_schema.processlist WHERE info LIKE 'RENAME TABLE %%'")
    return any(f"`{database.name}_countersign_before_" in row["i"] for row in rows)
