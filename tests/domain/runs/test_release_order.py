"""What comes first with releases: a table from what the migrations did to the order of the steps."""

from __future__ import annotations

import pytest

from bot.domain.runs.acts import Health, Shell
from bot.domain.runs.findings import (
    Finding,
    MigrationEffect,
    MigrationFinding,
    NotRehearsed,
    NotRehearsedReason,
    OldCode,
    OrderReason,
    RecordedEffect,
    ReleaseOrder,
    RowsChanged,
    RowsCounted,
    StatementFinding,
    SwitchOrder,
    first_of,
)
from bot.domain.runs.migration_risk import EffectKind, MigrationRisk
from bot.domain.runs.plan import Phase, Plan, Risk, Step
from bot.domain.runs.release_order import in_order, switch_order
from bot.domain.shell import Command
from tests.domain.support.plan_samples import DEPLOY

MIGRATE, SWITCH, DOWN = ReleaseOrder.MIGRATE_FIRST, ReleaseOrder.SWITCH_FIRST, ReleaseOrder.MAINTENANCE


def did(
    *effects: tuple[EffectKind, str], brings: tuple[str, ...] = (), takes: tuple[str, ...] = (), name: str = "m"
) -> tuple[Finding, ...]:
    recorded = tuple(RecordedEffect(kind, what) for kind, what in effects)
    return (
        MigrationFinding(name, MigrationRisk.SAFE),
        StatementFinding(name, effects=recorded),
        MigrationEffect(name, brings, takes),
    )


K = EffectKind
FAX = "users.fax varchar(20) NULL DEFAULT NULL"
ORDERS: dict[str, tuple[tuple[Finding, ...], ReleaseOrder, OrderReason, tuple[str, ...]]] = {
    "a column": (did((K.COLUMN_ADDED, "users.fax"), brings=(FAX,)), MIGRATE, OrderReason.ADDS, ()),
    "a table with a unique index": (
        did((K.TABLE_CREATED, "x"), (K.COLUMN_REQUIRED, "x.a"), brings=("x.a int NOT NULL", "x unique index x_a (a)")),
        MIGRATE, OrderReason.ADDS, (),
    ),
    "an index": (did((K.INDEX_ADDED, "users"), brings=("users index i (fax)",)), MIGRATE, OrderReason.ADDS, ()),
    "nothing at all": (did(), MIGRATE, OrderReason.ADDS, ()),
    "rows of a new column": (did((K.ROWS_FILLED, "users")), MIGRATE, OrderReason.ADDS, ()),
    "a unique index on what is there": (
        did((K.INDEX_ADDED, "users"), brings=("users unique index u (fax)",)), DOWN, OrderReason.CHANGES, ("users",),
    ),
    "a required column": (
        (*did((K.COLUMN_ADDED, "users.a"), (K.COLUMN_REQUIRED, "users.a")), OldCode("m", K.COLUMN_REQUIRED, "users.a")),
        DOWN, OrderReason.BREAKS, ("users.a",),
    ),
    "a dropped column": (
        (*did((K.COLUMN_DROPPED, "users.fax"), takes=(FAX,)), OldCode("m", K.COLUMN_DROPPED, "users.fax")),
        SWITCH, OrderReason.DROPS, ("users.fax",),
    ),
    "a dropped column that must be filled": (
        (
            *did((K.COLUMN_DROPPED, "users.fax"), takes=("users.fax varchar(20) NOT NULL",)),
            OldCode("m", K.COLUMN_DROPPED, "users.fax"),
        ),
        DOWN, OrderReason.REQUIRED, ("users.fax",),
    ),
    "a dropped column that is filled by itself": (
        did((K.COLUMN_DROPPED, "users.n"), takes=("users.n int(11) NOT NULL DEFAULT 0",)),
        SWITCH, OrderReason.DROPS, (),
    ),
    "a dropped table": (
        did((K.TABLE_DROPPED, "faxes"), takes=("faxes.n varchar(20) NOT NULL", "faxes primary key PRIMARY (n)")),
        SWITCH, OrderReason.DROPS, (),
    ),
    "a renamed column": (
        (
            *did((K.COLUMN_RENAMED, "users.fax"), brings=("users.f int NULL",), takes=(FAX,)),
            OldCode("m", K.COLUMN_RENAMED, "users.fax"),
        ),
        DOWN, OrderReason.BREAKS, ("users.fax",),
    ),
    "one that adds and one that drops": (
        (
            *did((K.COLUMN_ADDED, "users.a"), brings=("users.a int NULL",)),
            *did((K.COLUMN_DROPPED, "users.fax"), takes=(FAX,), name="n"),
            OldCode("n", K.COLUMN_DROPPED, "users.fax"),
        ),
        DOWN, OrderReason.BREAKS, ("users.fax",),
    ),
    "a wider column": (
        did((K.COLUMN_CHANGED, "users.fax"), brings=("users.fax text NULL",), takes=(FAX,)),
        DOWN, OrderReason.CHANGES, ("users.fax",),
    ),
    "a column that no statement explains": (
        did((K.INDEX_ADDED, "users"), brings=("users.fax text NULL",), takes=(FAX,)), DOWN, OrderReason.CHANGES, (),
    ),
    "rows that are rewritten": (
        (*did((K.ROWS_FILLED, "users")), RowsChanged("users", 5, 5, 0, 3, 0, RowsCounted.ALL)),
        DOWN, OrderReason.CHANGES, ("users",),
    ),
    "what is not known": ((*did(), MigrationFinding("m", MigrationRisk.UNKNOWN)), DOWN, OrderReason.UNKNOWN, ()),
    "what did not run": ((MigrationFinding("m", MigrationRisk.SAFE),), DOWN, OrderReason.UNKNOWN, ()),
    "not rehearsed": ((NotRehearsed(NotRehearsedReason.NEVER),), DOWN, OrderReason.UNKNOWN, ()),
    "to be rehearsed behind the gate": (
        (NotRehearsed(NotRehearsedReason.AFTER_APPROVAL),), DOWN, OrderReason.UNKNOWN, (),
    ),
    "nothing": ((), DOWN, OrderReason.UNKNOWN, ()),
}  # fmt: skip


def pending(findings: tuple[Finding, ...]) -> tuple[str, ...]:
    names = (found.migration for found in findings if isinstance(found, MigrationEffect))
    return tuple(dict.fromkeys(names)) or ("m",)


@pytest.mark.parametrize("case", ORDERS)
def test_the_order_follows_from_the_evidence(case: str) -> None:
    findings, order, reason, what = ORDERS[case]
    assert switch_order(pending(findings), findings) == SwitchOrder(order, reason, what)


def test_one_migration_without_evidence_is_enough_not_to_know() -> None:
    findings = did((K.COLUMN_ADDED, "users.fax"))
    assert switch_order(("m", "of-a-package"), findings).order is DOWN


def _step(key: str, *, undoes: str | None = None, schema: bool = False, phase: Phase = Phase.CHANGE) -> Step:
    act = Shell(Command(()), "/x") if phase is Phase.CHANGE else Health("https://x", 1)
    return Step(key, key, phase, ("web1",), Risk.CHANGES, 60, act, undoes=undoes, schema=schema)


STEPS = (
    _step("config-cache"),
    _step("maintenance-on"),
    _step("switch"),
    _step("migrate", schema=True),
    _step("restart-fpm"),
    _step("queue-restart"),
    _step("maintenance-off", undoes="maintenance-on"),
    _step("prune"),
    _step("health", phase=Phase.VERIFY),
)
UP = tuple(step for step in STEPS if "maintenance" not in step.key)


def planned(findings: tuple[Finding, ...], steps: tuple[Step, ...] = STEPS) -> Plan:
    return Plan(DEPLOY.request, steps, pending=pending(findings), findings=findings)


def keys(plan: Plan) -> list[str]:
    return [step.key for step in plan.steps]


def test_a_site_stays_up_where_the_migrations_only_add() -> None:
    plan = in_order(planned(ORDERS["a column"][0]))
    assert keys(plan) == ["config-cache", "migrate", "switch", "restart-fpm", "queue-restart", "prune", "health"]
    assert [step.key for step in plan.skipped] == ["maintenance-on", "maintenance-off"]
    assert first_of(SwitchOrder, plan.findings) is not None


@pytest.mark.parametrize("steps", [STEPS, UP])
def test_what_only_drops_runs_when_nothing_of_the_old_code_is_left(steps: tuple[Step, ...]) -> None:
    plan = in_order(planned(ORDERS["a dropped column"][0], steps))
    assert keys(plan) == ["config-cache", "switch", "restart-fpm", "queue-restart", "migrate", "prune", "health"]


def test_the_first_host_is_taken_out_of_service_when_the_migrations_are_done() -> None:
    place = [step.key for step in UP].index("switch")
    steps = (*UP[:place], _step("before-host"), *UP[place:-2], _step("after-host"), *UP[-2:])
    adds = keys(in_order(planned(ORDERS["a column"][0], steps)))
    assert adds[:4] == ["config-cache", "migrate", "before-host", "switch"]
    drops = keys(in_order(planned(ORDERS["a dropped column"][0], steps)))
    assert drops.index("after-host") < drops.index("migrate") < drops.index("prune")


def test_what_is_not_known_is_done_in_maintenance_and_said() -> None:
    plan = in_order(planned(ORDERS["not rehearsed"][0]))
    assert keys(plan) == keys(planned(()))
    assert first_of(SwitchOrder, plan.findings) == SwitchOrder(DOWN, OrderReason.UNKNOWN)


@pytest.mark.parametrize(
    "plan",
    [
        planned(ORDERS["not rehearsed"][0], UP),
        planned(ORDERS["a column"][0], tuple(step for step in STEPS if step.key != "switch")),
        Plan(planned(()).request, STEPS, findings=ORDERS["a column"][0]),
        planned(ORDERS["a column"][0], tuple(step for step in STEPS if not step.schema)),
    ],
    ids=["the site stays up anyway", "a checkout", "no migrations", "none is run"],
)
def test_other_plans_stay_as_they_are(plan: Plan) -> None:
    assert in_order(plan) is plan
