"""`/deploy` at a commit that is live already, after runs that stopped on the way to it."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from bot.domain.runs.decisions import backup_before, was_live
from bot.domain.runs.findings import Unfinished, those_of
from bot.domain.runs.plan import NothingToDo, Phase, Plan
from bot.domain.runs.request import (
    Action,
    Decision,
    DeployOptions,
    ResumeOptions,
    RollbackOptions,
    ToRelease,
    UndoMigrations,
)
from bot.domain.runs.run import Run, RunState, StepRow, StepState
from bot.domain.targets.look import AppliedMigration, HostFacts
from bot.domain.targets.scratch import ScratchBeside
from bot.domain.targets.target import Target
from bot.engine.queries.releases import releases_of
from bot.recipes.load import load_recipe
from commands.deploy import Deploy
from tests.support.examples import DATABASE, HEAD, HOST, NAME, NEXT, NOON, REQUEST, RUN, TARGET, VARS, Sight

DEPLOY = Deploy({NAME: load_recipe("laravel", Path())})
MIGRATION = "2025_11_16_074003_add_token_id"
RAN = replace(DATABASE, ran=(*DATABASE.ran, AppliedMigration(MIGRATION, 2)))
OTHER = "3" * 40
LIVE = replace(HOST, head=NEXT, changed=(), commits=(), commit_count=0)
TWO = replace(TARGET, hosts=("web1", "web2"))
TAIL = ["restart-php8.2-fpm", "queue-restart"]


async def a_plan(look: Sight, target: Target = TARGET, run: Run = RUN) -> Plan:
    answer = await DEPLOY.plan(run, target, look)
    assert isinstance(answer, Plan)
    return answer


def ended(
    plan: Plan,
    stopped: str | None,
    state: RunState = RunState.FAILED,
    name: str = "R-AAAAAA",
    places: Mapping[str, StepState] | None = None,
    how: StepState = StepState.FAILED,
) -> Run:
    """Give a run of a plan that stopped at a step; what lifts maintenance ran all the same."""
    rows, is_over = [], False
    for position, step in enumerate(plan.steps):
        for place in step.places:
            now = StepState.SKIPPED if is_over and step.undoes is None else StepState.DONE
            if step.key == stopped:
                now = (places or {}).get(place, how)
            rows.append(StepRow(position, step.key, step.title, step.phase, step.risk, place, state=now))
        is_over = is_over or step.key == stopped
    return replace(
        RUN, id=name, request=plan.request, state=state, plan=plan, steps=tuple(rows), change_started_at=NOON,
        ended_at=NOON,
    )  # fmt: skip


async def completing(*past: Run, live: HostFacts = LIVE, **more: object) -> Plan | NothingToDo:
    """Answer `/deploy` at the live commit after runs, newest first."""
    look = Sight(live, database=RAN)
    look.remember(RUN, *past)
    return await DEPLOY.plan(RUN, TARGET, look)


def changes(plan: Plan | NothingToDo) -> list[str]:
    assert isinstance(plan, Plan), plan
    return [step.key for step in plan.of(Phase.CHANGE)]


async def test_a_restart_that_failed_is_what_a_retry_plans() -> None:
    failed = ended(await a_plan(Sight()), "restart-php8.2-fpm")
    plan = await completing(failed)
    assert changes(plan) == ["log-mark", *TAIL]
    assert isinstance(plan, Plan)
    [finding] = plan.findings
    assert isinstance(finding, Unfinished)
    assert (finding.run, finding.step) == ("R-AAAAAA", "Restart php8.2-fpm")
    assert [step.key for step in plan.of(Phase.VERIFY)] == ["commit-live", "health", "log-clean"]
    assert plan.requirement == TARGET.policy.requirement(Action.DEPLOY)
    assert {"checkout", "config-cache"} <= {item.key for item in plan.skipped if item.why == "done already"}


async def test_after_the_run_that_completes_it_there_is_nothing_to_do() -> None:
    failed = ended(await a_plan(Sight()), "restart-php8.2-fpm")
    plan = await completing(failed)
    assert isinstance(plan, Plan)
    completed = ended(plan, None, RunState.SUCCEEDED, "R-BBBBBB")
    assert isinstance(await completing(completed, failed), NothingToDo)


async def test_without_a_run_of_the_bot_there_is_nothing_to_do() -> None:
    assert isinstance(await completing(), NothingToDo)


async def test_runs_that_passed_no_gate_or_only_looked_say_nothing() -> None:
    plan = await a_plan(Sight())
    dry = replace(ended(plan, "preflight", RunState.SUCCEEDED, "R-CCCCCC"), change_started_at=None)
    rejected = replace(ended(plan, "log-mark", RunState.REJECTED, "R-DDDDDD"), change_started_at=None)
    failed = ended(plan, "restart-php8.2-fpm")
    assert isinstance(await completing(dry, rejected), NothingToDo)
    assert changes(await completing(dry, rejected, failed)) == ["log-mark", *TAIL]


async def test_steps_done_in_any_of_several_failed_runs_are_done() -> None:
    first = ended(await a_plan(Sight()), "view-cache")
    second_plan = await completing(first)
    assert isinstance(second_plan, Plan)
    assert changes(second_plan) == ["log-mark", "view-cache", "event-cache", "optimize", *TAIL]
    second = ended(second_plan, "queue-restart", name="R-BBBBBB")
    third = await completing(second, first)
    assert changes(third) == ["log-mark", "queue-restart"]
    assert isinstance(third, Plan)
    [finding] = those_of(Unfinished, third.findings)
    assert finding.run == "R-BBBBBB"
    assert was_live(replace(RUN, plan=third)) == HEAD


async def test_what_a_commit_changed_counts_from_the_commit_that_was_live_before_the_first_run() -> None:
    look = Sight(replace(LIVE, changed=("composer.lock", "package.json")), database=RAN)
    failed = ended(await a_plan(Sight(replace(HOST, changed=("composer.lock", "package.json")))), "composer")
    look.remember(failed)
    plan = await a_plan(look)
    assert look.asked[0].since == (NEXT, HEAD)
    assert changes(plan)[:3] == ["log-mark", "composer", "config-cache"]
    assert "assets" in changes(plan)


async def test_the_site_goes_down_as_the_policy_wants() -> None:
    target = replace(TARGET, vars={**VARS, "maintenance": "always"})
    failed = ended(await a_plan(Sight(), target), "queue-restart")
    look = Sight(LIVE, database=RAN)
    look.remember(failed)
    plan = await a_plan(look, target)
    assert changes(plan) == ["log-mark", "maintenance-on", "queue-restart", "maintenance-off"]


async def test_a_verification_that_failed_is_made_again_and_nothing_else() -> None:
    target = replace(TARGET, vars={**VARS, "maintenance": "always"})
    failed = ended(await a_plan(Sight(), target), "health")
    look = Sight(LIVE, database=RAN)
    look.remember(failed)
    plan = await a_plan(look, target)
    assert changes(plan) == ["log-mark"]
    assert "health" in {step.key for step in plan.of(Phase.VERIFY)}
    look.remember(ended(plan, None, RunState.SUCCEEDED, "R-BBBBBB"), failed)
    assert isinstance(await DEPLOY.plan(RUN, target, look), NothingToDo)


@pytest.mark.parametrize("state", [RunState.FAILED, RunState.CANCELLED])
@pytest.mark.parametrize("how", [StepState.FAILED, StepState.UNKNOWN, StepState.SKIPPED])
async def test_however_a_step_ended_but_done_it_is_planned(state: RunState, how: StepState) -> None:
    failed = ended(await a_plan(Sight()), "optimize", state, how=how)
    assert changes(await completing(failed)) == ["log-mark", "optimize", *TAIL]


async def test_a_step_that_one_host_lacks_is_not_done() -> None:
    hosts = (HOST, replace(HOST, host="web2"))
    first = await a_plan(Sight(*hosts), TWO)
    failed = ended(first, "view-cache", places={"web1": StepState.DONE, "web2": StepState.FAILED})
    look = Sight(LIVE, replace(LIVE, host="web2"), database=RAN)
    look.remember(failed)
    assert changes(await a_plan(look, TWO)) == ["log-mark", "view-cache", "event-cache", "optimize", *TAIL]


async def test_a_host_that_is_new_lacks_every_step() -> None:
    failed = ended(await a_plan(Sight()), "queue-restart")
    look = Sight(LIVE, replace(LIVE, host="web2"), database=RAN)
    look.remember(failed)
    assert changes(await a_plan(look, TWO))[:2] == ["log-mark", "checkout"]


async def test_migrations_that_were_left_out_run_now_and_services_after_them() -> None:
    run = replace(RUN, request=replace(REQUEST, options=DeployOptions("main", migrate=False)))
    failed = ended(await a_plan(Sight(), run=run), "queue-restart")
    look = Sight(LIVE)
    look.remember(failed)
    plan = await a_plan(look)
    assert plan.pending == (MIGRATION,)
    assert changes(plan) == [
        "log-mark", "maintenance-on", "migrate", "route-cache", "view-cache", "event-cache", "optimize",
        *TAIL, "maintenance-off",
    ]  # fmt: skip
    assert changes(await a_plan(look, run=run)) == ["log-mark", "queue-restart"]


async def test_vendor_that_is_gone_is_installed_again() -> None:
    failed = ended(await a_plan(Sight(replace(HOST, changed=("composer.lock",)))), "queue-restart")
    gone = replace(LIVE, existing=frozenset())
    assert "composer" in changes(await completing(failed, live=gone))


def to_release(sha: str, stopped: str | None, plan: Plan, name: str) -> Run:
    """Give a run that went to another commit, from the one that was live after the plan."""
    request = replace(REQUEST, options=RollbackOptions(ToRelease(None)))
    basis = replace(plan.basis, facts={**plan.basis.facts, "checked out on web1": NEXT})
    made = replace(plan, request=request, sha=type(plan.sha)(sha) if plan.sha else None, basis=basis)
    return ended(made, stopped, RunState.SUCCEEDED if stopped is None else RunState.FAILED, name)


async def test_a_rollback_in_between_ends_the_series() -> None:
    plan = await a_plan(Sight())
    old = ended(plan, "restart-php8.2-fpm", name="R-OLDOLD")
    back = to_release(HEAD, None, plan, "R-BACKBK")
    assert isinstance(await completing(back, old), NothingToDo)
    again = ended(plan, "checkout", name="R-AGAINX", places={"web1": StepState.DONE})
    assert changes(await completing(again, back, old))[:2] == ["log-mark", "config-cache"]


async def test_after_a_failed_run_at_another_commit_nothing_counts_as_done() -> None:
    plan = await a_plan(Sight())
    old = ended(plan, "restart-php8.2-fpm", name="R-OLDOLD")
    other = to_release(OTHER, "restart-php8.2-fpm", plan, "R-OTHERX")
    assert changes(await completing(other, old))[:2] == ["log-mark", "checkout"]
    refused = to_release(OTHER, "checkout", plan, "R-REFUSE")
    assert changes(await completing(refused, old)) == ["log-mark", *TAIL]


async def test_the_next_commit_makes_up_for_what_an_earlier_one_left() -> None:
    failed = ended(await a_plan(Sight()), "composer")
    look = Sight(replace(HOST, head=NEXT, sha=OTHER), database=RAN)
    look.remember(replace(failed, steps=tuple(row for row in failed.steps if row.key != "composer")))
    plan = await a_plan(look)
    assert look.asked[0].since == (NEXT, HEAD)
    assert changes(plan)[:2] == ["log-mark", "checkout"]
    assert plan.findings[0].kind == "unfinished"


async def test_lifting_maintenance_or_undoing_migrations_completes_nothing() -> None:
    plan = await a_plan(Sight())
    failed = ended(plan, "restart-php8.2-fpm")
    lift = ResumeOptions(Action.DEPLOY, failed.id, Decision.LIFT)
    undo = RollbackOptions(UndoMigrations(1))
    for options in (lift, undo):
        done = replace(plan, request=replace(REQUEST, options=options), steps=plan.of(Phase.VERIFY))
        later = ended(done, None, RunState.SUCCEEDED, "R-BBBBBB")
        assert changes(await completing(later, failed)) == ["log-mark", *TAIL]


async def test_a_retried_step_completes_its_run_and_a_declared_one_is_done() -> None:
    plan = await a_plan(Sight())
    failed = ended(plan, "restart-php8.2-fpm")
    request = replace(REQUEST, options=ResumeOptions(Action.DEPLOY, failed.id, Decision.MARK_DONE))
    rest = replace(plan, request=request, steps=tuple(step for step in plan.steps if step.key == "queue-restart"))
    assert isinstance(await completing(ended(rest, None, RunState.SUCCEEDED, "R-BBBBBB"), failed), NothingToDo)
    stopped = ended(rest, "queue-restart", name="R-BBBBBB")
    assert changes(await completing(stopped, failed)) == ["log-mark", "queue-restart"]


async def test_the_run_that_completes_is_a_release_with_the_commit_and_the_backup_of_before() -> None:
    assert TARGET.database is not None
    target = replace(TARGET, database=replace(TARGET.database, scratch=ScratchBeside()))
    failed = ended(await a_plan(Sight(), target), "restart-php8.2-fpm")
    look = Sight(LIVE, database=RAN)
    look.remember(failed)
    plan = await a_plan(look, target)
    completed = ended(plan, None, RunState.SUCCEEDED, "R-BBBBBB")
    newest = releases_of((completed, failed))[0]
    assert (newest.run, newest.sha, newest.before, newest.good) == ("R-BBBBBB", NEXT, HEAD, True)
    assert backup_before(failed) == "B-20261116-7K3F9Q"
    # Its own backup would be from after the migration of the run that it completes.
    assert backup_before(completed) == backup_before(failed)
