"""What a rehearsal found stands under the digest, and decides what the gate asks for."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.domain.errors import Reason, problem
from bot.domain.policies.people import People
from bot.domain.policies.policy import Requirement
from bot.domain.policies.rehearsal_mode import RehearsalMode
from bot.domain.runs.acts import AsRehearsed, Rehearse
from bot.domain.runs.findings import MigrationFinding, SchemaChange
from bot.domain.runs.migration_risk import MigrationRisk
from bot.domain.runs.plan_json import FINDINGS, findings_to_text, plan_digest, plan_from_json, plan_to_json
from bot.domain.runs.run import ENDS, RunState
from bot.domain.secrets import Secret
from bot.domain.targets.scratch import ScratchBeside
from bot.domain.targets.target import Database
from bot.engine.ports import Done, Failed
from tests.engine.support.world import SmallWorld, small_world
from tests.support.examples import POLICY, TARGET

TWO_DBAS = Requirement(2, People(("dbas",), frozenset({"U0DBA"})), timedelta(minutes=30), allow_requester=False)
DATABASE = Database("web1", "127.0.0.1", 3306, "compte", "compte", Secret("correct horse"), scratch=ScratchBeside())
STRICT = replace(
    TARGET, database=DATABASE, policy=replace(POLICY, approve={**POLICY.approve, "destructive-migration": TWO_DBAS})
)
SCHEMA = SchemaChange("users", ("- users.fax text NULL",), "users.id int NOT NULL")


def found(risk: MigrationRisk) -> Done:
    return Done({FINDINGS: findings_to_text((MigrationFinding("x", risk), SCHEMA))})


@pytest.fixture
async def strict(tmp_path: Path) -> AsyncIterator[SmallWorld]:
    async with small_world(tmp_path, STRICT) as made:
        yield made


@pytest.mark.parametrize(
    ("risk", "needed"),
    [
        (MigrationRisk.SAFE, POLICY.approve["deploy"]),
        (MigrationRisk.BLOCKING, POLICY.approve["deploy"]),
        (MigrationRisk.UNKNOWN, TWO_DBAS),
        (MigrationRisk.DESTRUCTIVE, TWO_DBAS),
    ],
)
async def test_what_drops_data_asks_for_the_requirement_of_its_own(
    strict: SmallWorld, risk: MigrationRisk, needed: Requirement
) -> None:
    strict.hosts.script["rehearse"] = found(risk)
    run = await strict.submit()
    waiting = await strict.until(run, RunState.AWAITING_APPROVAL)
    assert waiting.plan is not None
    assert waiting.gate is not None
    assert waiting.gate.requirement == needed == waiting.plan.requirement
    assert waiting.plan.destructive is (risk is MigrationRisk.DESTRUCTIVE)
    assert waiting.gate.digest == plan_digest(waiting.plan)
    assert SCHEMA in waiting.plan.findings
    assert AsRehearsed({"users": "users.id int NOT NULL"}) in [step.act for step in waiting.plan.steps]
    assert plan_from_json(plan_to_json(waiting.plan)) == waiting.plan
    other = replace(waiting.plan, findings=())
    assert plan_digest(other) != waiting.gate.digest


async def test_a_rehearsal_that_failed_keeps_the_gate_shut(strict: SmallWorld) -> None:
    strict.hosts.script["rehearse"] = Failed(problem(Reason.REHEARSAL_FAILED, migration="x", error="1062"))
    run = await strict.submit()
    ended = await strict.until(run, *ENDS)
    assert (ended.state, ended.gate) == (RunState.FAILED, None)
    assert ended.problem is not None
    assert ended.problem.reason is Reason.REHEARSAL_FAILED
    assert strict.hosts.starts("migrate") == 0


async def test_the_name_of_the_copy_belongs_to_the_run(tmp_path: Path) -> None:
    trusted = replace(STRICT, policy=replace(STRICT.policy, rehearsal=RehearsalMode.TRUSTED))
    async with small_world(tmp_path, trusted) as world:
        run = await world.submit()
        waiting = await world.until(run, RunState.AWAITING_APPROVAL)
    assert waiting.plan is not None
    (act,) = [step.act for step in waiting.plan.steps if isinstance(step.act, Rehearse)]
    assert act.scratch == f"compte_countersign_rehearsal_{run.removeprefix('R-').lower()}"
    assert "correct horse" not in str(plan_to_json(waiting.plan))
