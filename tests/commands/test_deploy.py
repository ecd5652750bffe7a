"""`/deploy`: words to a request, and a request with a look to a plan."""

from dataclasses import replace
from pathlib import Path

import pytest

from bot.domain.errors import Reason, RefusedError
from bot.domain.names import TargetName
from bot.domain.policies.policy import BackupBefore
from bot.domain.runs.acts import Dump, Migrate, Shell
from bot.domain.runs.findings import HeldBack
from bot.domain.runs.plan import NothingToDo, Phase, Plan
from bot.domain.runs.plan_json import plan_digest, plan_from_json, plan_to_json
from bot.domain.runs.request import Action, DeployOptions
from bot.domain.runs.request_json import options_to_json
from bot.domain.runs.run import Run
from bot.domain.targets.look import AppliedMigration, HostFacts, Session
from bot.domain.targets.target import Target
from bot.recipes.load import load_recipe
from commands.deploy import Deploy
from tests.support.examples import (
    DATABASE,
    HEAD,
    HOST,
    NAME,
    NEXT,
    OPERATIONS,
    ORIGIN,
    POLICY,
    REQUEST,
    RUN,
    TARGET,
    VARS,
    Sight,
)

DEPLOY = Deploy({NAME: load_recipe("laravel", Path())})
NPM = ("package.json", "package-lock.json")
MIGRATION = "2025_11_16_074003_add_token_id"


def keys(plan: Plan, phase: Phase) -> list[str]:
    return [step.key for step in plan.of(phase)]


async def planned(look: Sight, run: Run = RUN, target: Target = TARGET) -> Plan:
    answer = await DEPLOY.plan(run, target, look)
    assert isinstance(answer, Plan)
    return answer


@pytest.mark.parametrize(
    ("typed", "options"),
    [
        ("compte production", {"ref": "main"}),
        ("compte production v1.2", {"ref": "v1.2"}),
        ("compte production --dry-run", {"ref": "main", "dry_run": "yes"}),
        ("--no-migrate compte production feature/x", {"ref": "feature/x", "no_migrate": "yes"}),
    ],
)
def test_what_is_typed_becomes_a_request(typed: str, options: dict[str, str]) -> None:
    request = DEPLOY.parse(tuple(typed.split()), ORIGIN, OPERATIONS)
    assert request.target == TargetName("compte", "production")
    assert options_to_json(request.options) == options
    assert request.typed == f"/deploy {typed}"


@pytest.mark.parametrize(
    ("typed", "channel", "reason", "facts"),
    [
        ("", "C0OPS", Reason.USAGE, {"apps": "compte"}),
        ("compte", "C0OPS", Reason.USAGE, {"environments": "production"}),
        ("compt production", "C0OPS", Reason.UNKNOWN_APP, {"nearest": "compte"}),
        ("compte prod", "C0OPS", Reason.UNKNOWN_ENVIRONMENT, {"nearest": "production"}),
        ("compte production main extra", "C0OPS", Reason.USAGE, {"extra": "extra"}),
        ("compte production --dryrun", "C0OPS", Reason.BAD_OPTION, {"nearest": "--dry-run"}),
        ("compte production --upload-pack=x", "C0OPS", Reason.BAD_OPTION, {}),
        ("compte production a..b", "C0OPS", Reason.BAD_REF, {"ref": "a..b"}),
        ("compte production", "C0OTHER", Reason.WRONG_CHANNEL, {"channels": "C0OPS"}),
    ],
)
def test_a_bad_word_is_refused_with_what_would_be_right(
    typed: str, channel: str, reason: Reason, facts: dict[str, str]
) -> None:
    with pytest.raises(RefusedError) as refusal:
        DEPLOY.parse(tuple(typed.split()), replace(ORIGIN, channel=channel), OPERATIONS)
    assert refusal.value.problem.reason is reason
    assert facts.items() <= refusal.value.problem.facts.items()


async def test_a_deploy_with_a_migration_backs_up_goes_down_migrates_and_comes_up() -> None:
    plan = await planned(Sight())
    assert keys(plan, Phase.PREPARE) == [
        "preflight", "app-runs", "fetch", "artisan-works", "backup", "backup-proof", "rehearse",
    ]  # fmt: skip
    assert keys(plan, Phase.CHANGE) == [
        "log-mark", "maintenance-on", "checkout", "config-cache", "migrate", "route-cache", "view-cache",
        "event-cache", "optimize", "restart-php8.2-fpm", "queue-restart", "maintenance-off",
    ]  # fmt: skip
    assert keys(plan, Phase.VERIFY) == ["commit-live", "nothing-pending", "schema", "health", "log-clean"]
    assert plan.pending == (MIGRATION,)
    assert plan.requirement == POLICY.approve["deploy"]
    assert [s.key for s in plan.skipped] == ["composer", "assets"]
    assert plan.backup == "B-20261116-7K3F9Q"


async def test_without_a_migration_the_site_stays_up_and_nothing_is_backed_up() -> None:
    ran = (*DATABASE.ran, AppliedMigration(MIGRATION, 2))
    plan = await planned(Sight(database=replace(DATABASE, ran=ran)))
    assert plan.backup is None
    assert not {"maintenance-on", "migrate", "maintenance-off"} & set(keys(plan, Phase.CHANGE))


async def test_held_back_migrations_are_said_and_not_run() -> None:
    run = replace(RUN, request=replace(REQUEST, options=DeployOptions("main", migrate=False)))
    plan = await planned(Sight(), run)
    assert "migrate" not in keys(plan, Phase.CHANGE)
    assert plan.pending == ()
    assert plan.findings == (HeldBack((MIGRATION,)),)


@pytest.mark.parametrize(
    ("changed", "existing", "steps"),
    [
        (("composer.lock",), {"vendor"}, {"composer"}),
        ((), set(), {"composer"}),
        (("resources/js/app.js",), {"vendor", *NPM}, {"assets"}),
        (("package-lock.json", "composer.json"), {"vendor", *NPM}, {"assets", "composer"}),
        (("resources/views/x.blade.php",), {"vendor", "resources/views", *NPM}, {"view-cache"}),
        # What a step needs does not come with the commit, or goes with it.
        (("resources/js/app.js", "package.json"), {"vendor", "package.json"}, set()),
        (("package.json", "package-lock.json", "resources/views/x.blade.php"), {"vendor"}, set()),
    ],
)
async def test_steps_that_are_needed_only_sometimes(
    changed: tuple[str, ...], existing: set[str], steps: set[str]
) -> None:
    plan = await planned(Sight(replace(HOST, changed=changed, existing=frozenset(existing))))
    assert {"composer", "assets", "view-cache"} & set(keys(plan, Phase.CHANGE)) == steps


async def test_what_a_step_needs_and_the_commit_does_not_have_is_named() -> None:
    plan = await planned(Sight(replace(HOST, changed=("package.json",), existing=frozenset({"vendor"}))))
    why = {left_out.key: left_out.why for left_out in plan.skipped}
    assert (why["view-cache"], why["assets"]) == ("no resources/views", "no package.json and no package-lock.json")


@pytest.mark.parametrize("tool", ["composer", "npm"])
async def test_a_program_that_a_planned_step_needs_is_missed_before_anybody_is_asked(tool: str) -> None:
    lacking = replace(HOST, missing_tools=(tool,))
    assert isinstance(await planned(Sight(lacking)), Plan), "no step needs it now"
    changed = replace(lacking, changed=("composer.lock", "package-lock.json"))
    with pytest.raises(RefusedError) as refusal:
        await planned(Sight(HOST, replace(changed, host="web2")), target=replace(TARGET, hosts=("web1", "web2")))
    found = refusal.value.problem
    assert (found.reason, found.facts["host"], found.facts["tools"]) == (Reason.HOST_TOOL_MISSING, "web2", tool)


@pytest.mark.parametrize(
    ("setting", "migrations", "goes_down"),
    [("always", True, True), ("always", False, True), ("never", True, False), ("if-migrations", False, False)],
)
async def test_the_maintenance_setting(setting: str, migrations: bool, goes_down: bool) -> None:
    ran = DATABASE.ran if migrations else (*DATABASE.ran, AppliedMigration(MIGRATION, 2))
    target = replace(TARGET, vars={**VARS, "maintenance": setting})
    plan = await planned(Sight(database=replace(DATABASE, ran=ran)), target=target)
    assert ("maintenance-on" in keys(plan, Phase.CHANGE)) is goes_down
    assert ("maintenance-off" in keys(plan, Phase.CHANGE)) is goes_down


async def test_a_site_that_is_down_already_is_never_lifted() -> None:
    plan = await planned(Sight(replace(HOST, maintenance=True)))
    assert not {"maintenance-on", "maintenance-off"} & set(keys(plan, Phase.CHANGE))
    assert plan.findings[0].kind == "already_down"


async def test_nothing_to_do_asks_nobody() -> None:
    ran = (*DATABASE.ran, AppliedMigration(MIGRATION, 2))
    look = Sight(replace(HOST, head=NEXT, changed=(), commits=(), commit_count=0), database=replace(DATABASE, ran=ran))
    assert isinstance(await DEPLOY.plan(RUN, TARGET, look), NothingToDo)


async def test_pending_migrations_at_the_live_commit_are_something_to_do() -> None:
    plan = await planned(Sight(replace(HOST, head=NEXT, changed=())))
    assert "migrate" in keys(plan, Phase.CHANGE)


@pytest.mark.parametrize(
    ("hosts", "reason"),
    [
        ((replace(HOST, sha=None),), Reason.REF_NOT_FOUND),
        ((replace(HOST, fast_forward=False),), Reason.NOT_FAST_FORWARD),
        ((replace(HOST, dirty=("app/x.php",)),), Reason.CHECKOUT_DIRTY),
        ((HOST, replace(HOST, host="web2", sha="3" * 40)), Reason.CHECKOUTS_DIFFER),
        ((replace(HOST, in_the_way=("config/new.php",)),), Reason.FILES_IN_THE_WAY),
    ],
)
async def test_what_cannot_be_deployed(hosts: tuple[HostFacts, ...], reason: Reason) -> None:
    target = replace(TARGET, hosts=tuple(facts.host for facts in hosts))
    with pytest.raises(RefusedError) as refusal:
        await DEPLOY.plan(RUN, target, Sight(*hosts))
    assert refusal.value.problem.reason is reason


async def test_a_policy_that_wants_a_backup_nobody_can_make_stops_the_deploy() -> None:
    policy = replace(POLICY, backup_before={Action.DEPLOY: BackupBefore.ALWAYS})
    with pytest.raises(RefusedError) as refusal:
        await DEPLOY.plan(RUN, replace(TARGET, policy=policy, backups=None), Sight())
    assert refusal.value.problem.reason is Reason.BACKUP_IMPOSSIBLE


async def test_several_hosts_run_in_parallel_and_migrate_once() -> None:
    target = replace(TARGET, hosts=("web1", "web2"))
    plan = await planned(Sight(HOST, replace(HOST, host="web2", existing=frozenset())), target=target)
    places = {step.key: step.places for step in plan.steps}
    assert places["checkout"] == ("web1", "web2")
    assert places["migrate"] == places["backup"] == ("web1",)
    assert "composer" in places


async def test_a_stored_plan_is_the_same_plan_under_the_same_digest() -> None:
    plan = await planned(Sight())
    read = plan_from_json(plan_to_json(plan))
    assert read == plan
    assert plan_digest(read) == plan_digest(plan)


@pytest.mark.parametrize(
    "look",
    [
        Sight(replace(HOST, sha="4" * 40)),
        Sight(replace(HOST, head="5" * 40)),
        Sight(replace(HOST, existing=frozenset())),
        Sight(database=replace(DATABASE, ran=())),
        Sight(database=replace(DATABASE, sessions=(Session(7, "app", 600, "SELECT 1", waits=False),))),
    ],
)
async def test_another_world_is_another_digest(look: Sight) -> None:
    assert plan_digest(await planned(look)) != plan_digest(await planned(Sight()))


@pytest.mark.parametrize(
    ("changes", "moved"),
    [
        ({}, set()),
        ({"head": "5" * 40}, {"checked out on web1"}),
        ({"dirty": ("x.php",)}, {"local changes on web1"}),
        ({"maintenance": True}, {"maintenance on web1"}),
    ],
)
async def test_what_moved_since_the_approval_is_named(changes: dict[str, object], moved: set[str]) -> None:
    look = Sight()
    plan = await planned(look)
    look.moves("web1", **changes)
    found = plan.basis.differences(await DEPLOY.basis(plan, RUN, TARGET, look))
    assert {name for name, _, _ in found} == moved


async def test_a_migration_that_somebody_ran_by_hand_moves_the_basis() -> None:
    look = Sight()
    plan = await planned(look)
    look.facts = replace(DATABASE, ran=(*DATABASE.ran, AppliedMigration(MIGRATION, 2)))
    found = plan.basis.differences(await DEPLOY.basis(plan, RUN, TARGET, look))
    assert found == (("pending migrations", MIGRATION, ""),)
    assert await DEPLOY.pending(plan, TARGET, look) == ()


async def test_the_approved_commit_is_a_word_in_every_command_and_guards_the_steps() -> None:
    plan = await planned(Sight())
    checkout = next(step for step in plan.steps if step.key == "checkout")
    assert isinstance(checkout.act, Shell)
    assert f"merge --ff-only --quiet {NEXT}" in checkout.act.command.script()
    guarded = {step.key for step in plan.steps if isinstance(step.act, Migrate | Shell) and step.act.expects == NEXT}
    assert guarded >= {"migrate", "config-cache", "optimize"}
    assert HEAD not in checkout.act.command.script()
    assert isinstance(next(step for step in plan.steps if step.key == "backup").act, Dump)
