"""`/rollback`: which release, which migrations, and what is refused."""

from dataclasses import replace
from pathlib import Path

import pytest

from bot.domain.errors import Reason, RefusedError
from bot.domain.policies.policy import MINIMUM_REQUIREMENT
from bot.domain.runs.acts import Direction, Migrate
from bot.domain.runs.findings import RollbackChoice
from bot.domain.runs.plan import Commit, NothingToDo, Phase, Plan
from bot.domain.runs.plan_json import plan_from_json, plan_to_json
from bot.domain.runs.request import Action
from bot.domain.runs.request_json import options_from_json, options_to_json
from bot.domain.runs.run import Run
from bot.domain.targets.look import AppliedMigration, DatabaseFacts, HostFacts, HostQuestion, Release
from bot.domain.targets.target import Target
from bot.recipes.load import load_recipe
from commands.rollback import Rollback, latest
from tests.support.examples import DATABASE, HEAD, HOST, NAME, NEXT, OPERATIONS, ORIGIN, REQUEST, RUN, TARGET, Sight

ROLLBACK = Rollback({NAME: load_recipe("laravel", Path())})
OLD = "2025_01_01_000000_create_users"
NEW = "2025_11_16_074003_add_token_id"
OLDEST = "0" * 39 + "9"
LIVE = replace(HOST, head=NEXT, sha=None, fast_forward=False, commits=(), commit_count=0)
BOTH_RAN = replace(DATABASE, ran=(AppliedMigration(OLD, 1), AppliedMigration(NEW, 2)))


class Past(Sight):
    """A host at NEXT, whose ancestors HEAD and OLDEST lack the newer migration."""

    def __init__(self, *releases: Release, database: DatabaseFacts = BOTH_RAN) -> None:
        super().__init__(LIVE, replace(LIVE, host="web2"), database=database)
        self.known = releases

    async def host(self, name: str, question: HostQuestion) -> HostFacts:
        facts = await super().host(name, question)
        if question.ref in {None, NEXT}:
            return replace(facts, sha=question.ref)
        if question.ref not in {HEAD, OLDEST}:
            return facts
        files = facts.migrations[:1]
        return replace(
            facts, sha=question.ref, migrations=files, removed=(Commit(NEXT, "Amélie", "feat"),), removed_count=1
        )


GOOD = Release("R-AAAAAA", NEXT, HEAD, good=True)


def run_with(**options: str) -> Run:
    return replace(RUN, request=replace(REQUEST, options=options_from_json(Action.ROLLBACK, options)))


async def planned(look: Sight, target: Target = TARGET, **options: str) -> Plan:
    answer = await ROLLBACK.plan(run_with(**options), target, look)
    assert isinstance(answer, Plan)
    return answer


def keys(plan: Plan, phase: Phase) -> list[str]:
    return [step.key for step in plan.of(phase)]


async def test_back_to_the_release_before_with_its_schema() -> None:
    plan = await planned(Past(GOOD))
    assert str(plan.sha) == HEAD
    assert plan.undo == (NEW,)
    change = keys(plan, Phase.CHANGE)
    assert change.index("maintenance-on") < change.index("migrate-down") < change.index("checkout-back")
    assert change.index("checkout-back") < change.index("config-cache") < change.index("maintenance-off")
    assert not {"checkout", "migrate"} & set(change)
    assert keys(plan, Phase.VERIFY) == ["commit-live", "schema", "undone", "health", "log-clean"]
    assert plan.requirement == MINIMUM_REQUIREMENT
    assert plan_from_json(plan_to_json(plan)) == plan


async def test_migrations_are_undone_by_the_code_that_is_live_and_counted() -> None:
    plan = await planned(Past(GOOD))
    down = next(step.act for step in plan.steps if step.key == "migrate-down")
    assert isinstance(down, Migrate)
    assert (down.expects, down.direction) == (NEXT, Direction.DOWN)
    assert down.names == (NEW,)
    assert "migrate:rollback --force" in down.command.script()


@pytest.mark.parametrize(
    ("options", "undo", "sha", "way"),
    [
        ({}, (NEW,), HEAD, "code_and_migrations"),
        ({"code": "yes"}, (), HEAD, "code"),
        ({"migrations": "1"}, (NEW,), NEXT, "migrations"),
        ({"migrations": "2"}, (NEW, OLD), NEXT, "migrations"),
        ({"to": OLDEST}, (NEW,), OLDEST, "code_and_migrations"),
        ({"to": "R-BBBBBB"}, (NEW,), HEAD, "code_and_migrations"),
    ],
)
async def test_the_flags_narrow_it(options: dict[str, str], undo: tuple[str, ...], sha: str, way: str) -> None:
    plan = await planned(Past(GOOD, Release("R-BBBBBB", HEAD, OLDEST, good=True)), **options)
    assert plan.undo == undo
    assert str(plan.sha) == sha
    assert isinstance(plan.findings[0], RollbackChoice)
    assert plan.findings[0].way == way


async def test_a_release_that_failed_is_never_proposed() -> None:
    failed = Release("R-BBBBBB", HEAD, OLDEST, good=False)
    assert str((await planned(Past(GOOD, failed))).sha) == OLDEST


async def test_a_release_that_failed_first_and_then_succeeded_is_good() -> None:
    releases = (GOOD, Release("R-CCCCCC", HEAD, OLDEST, good=True), Release("R-BBBBBB", HEAD, OLDEST, good=False))
    assert str((await planned(Past(*releases))).sha) == HEAD


async def test_going_back_again_does_not_go_round_in_circles() -> None:
    rolled_back = Release("R-DDDDDD", HEAD, NEXT, good=True)
    first = Release("R-AAAAAA", HEAD, OLDEST, good=True)
    look = Past(rolled_back, GOOD, first)
    look.hosts["web1"] = replace(LIVE, head=HEAD)
    # NEXT, which was left behind, lies ahead of HEAD.
    with pytest.raises(RefusedError):
        await ROLLBACK.plan(run_with(to=NEXT), TARGET, look)


@pytest.mark.parametrize(
    ("look", "options", "reason"),
    [
        (Past(), {}, Reason.NO_RELEASE),
        (Past(GOOD), {"to": "v0"}, Reason.REF_NOT_FOUND),
        (
            Past(GOOD, database=replace(DATABASE, ran=(AppliedMigration(NEW, 1), AppliedMigration(OLD, 2)))),
            {},
            Reason.NOT_THE_LATEST,
        ),
    ],
)
async def test_what_cannot_be_rolled_back(look: Sight, options: dict[str, str], reason: Reason) -> None:
    with pytest.raises(RefusedError) as refusal:
        await ROLLBACK.plan(run_with(**options), TARGET, look)
    assert refusal.value.problem.reason is reason


async def test_what_is_live_already_is_nothing_to_do() -> None:
    assert isinstance(await ROLLBACK.plan(run_with(to=NEXT), TARGET, Past(GOOD)), NothingToDo)


async def test_another_migration_since_moves_the_basis() -> None:
    look = Past(GOOD)
    plan = await planned(look)
    look.facts = replace(BOTH_RAN, ran=(*BOTH_RAN.ran, AppliedMigration("2026_01_01_000000_later", 3)))
    moved = plan.basis.differences(await ROLLBACK.basis(plan, run_with(), TARGET, look))
    assert [name for name, _, _ in moved] == ["latest migrations"]
    assert await ROLLBACK.pending(plan, TARGET, look) != plan.migrations


@pytest.mark.parametrize(
    ("typed", "options"),
    [
        ("compte production", {}),
        ("compte production --code", {"code": "yes"}),
        ("compte production --migrations 2", {"migrations": "2"}),
        ("compte production --to=v1.2 --code", {"to": "v1.2", "code": "yes"}),
        ("compte production --to r-7k3f9q", {"to": "R-7K3F9Q"}),
    ],
)
def test_what_is_typed_becomes_a_request(typed: str, options: dict[str, str]) -> None:
    assert options_to_json(ROLLBACK.parse(tuple(typed.split()), ORIGIN, OPERATIONS).options) == options


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("compte production --migrations", Reason.BAD_OPTION),
        ("compte production --migrations zero", Reason.BAD_OPTION),
        ("compte production --migrations 0", Reason.BAD_OPTION),
        ("compte production --migrations 1 --code", Reason.BAD_OPTION),
        ("compte production --to --code", Reason.BAD_OPTION),
        ("compte production --to a..b", Reason.BAD_REF),
        ("compte production main", Reason.USAGE),
    ],
)
def test_a_bad_word_is_refused(typed: str, reason: Reason) -> None:
    with pytest.raises(RefusedError) as refusal:
        ROLLBACK.parse(tuple(typed.split()), ORIGIN, OPERATIONS)
    assert refusal.value.problem.reason is reason


@pytest.mark.parametrize(
    ("ran", "count", "names"),
    [
        ((AppliedMigration("a", 1), AppliedMigration("b", 1), AppliedMigration("c", 2)), 2, ("c", "b")),
        ((AppliedMigration("z", 1), AppliedMigration("a", 2)), 1, ("a",)),
        ((AppliedMigration("a", None), AppliedMigration("b", None)), 1, ("b",)),
        ((), 3, ()),
    ],
)
def test_the_latest_go_first(ran: tuple[AppliedMigration, ...], count: int, names: tuple[str, ...]) -> None:
    assert latest(ran, count) == names
