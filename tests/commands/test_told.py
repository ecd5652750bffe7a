"""Migrations that only a tool knows: what a command plans from what it told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bot.domain.errors import Reason, RefusedError
from bot.domain.policies.rehearsal_mode import RehearsalMode
from bot.domain.runs.acts import MigrationRecords, Preview, SandboxRehearsal, Shell
from bot.domain.runs.plan import Plan
from bot.domain.runs.plan_json import plan_from_json, plan_to_json
from bot.domain.runs.request import RollbackOptions
from bot.domain.targets.look import (
    AppliedMigration,
    CommandOutput,
    CommitCode,
    ConfinedCommand,
    DatabaseFacts,
    HostFacts,
    HostQuestion,
    NotConfined,
    Release,
)
from bot.recipes.load import load_recipe
from bot.recipes.questions import question
from bot.recipes.recipe import MigrationCommand
from commands.deploy import Deploy
from commands.migrate_status import MigrateStatus
from commands.rollback import Rollback
from tests.support.examples import DATABASE, HEAD, HOST, NAME, NEXT, REQUEST, RUN, TARGET, Sight

RECIPES = {NAME: load_recipe("django", Path())}
CONFINED = replace(TARGET, vars=RECIPES[NAME].check_vars({})[0])
AT = replace(CONFINED, policy=replace(TARGET.policy, rehearsal=RehearsalMode.TRUSTED))
NONE = replace(DATABASE, has_table=False, ran=())


def printed(*migrations: str) -> CommandOutput:
    """What showmigrations prints; one that ran begins with an X."""
    plan = [f"[{name[0] if name[0] == 'X' else ' '}]  a.{name.removeprefix('X')}" for name in migrations]
    return CommandOutput(0, "\n".join(plan), "")


class Tool(Sight):
    """A look at hosts with a tool that tells one thing at HEAD and another elsewhere."""

    def __init__(
        self,
        live: CommandOutput,
        elsewhere: CommandOutput | NotConfined,
        *hosts: HostFacts,
        database: DatabaseFacts = NONE,
    ) -> None:
        super().__init__(*hosts or (replace(HOST, migrations=()),), database=database)
        self.refuses = False
        self.told = {True: live, False: elsewhere}

    async def host(self, name: str, question: HostQuestion) -> HostFacts:
        facts = await super().host(name, question)
        here = question.ref is None
        if self.refuses and not here:
            return replace(facts, on_branch=True)
        if isinstance(question.code, ConfinedCommand):
            return replace(facts, commit_output=self.told[True], confined_output=None if here else self.told[False])
        return replace(facts, commit_output=self.told[here] if question.commit_command is not None else None)

    async def database(self, table: str | None) -> DatabaseFacts:
        assert table is None
        return self.facts


async def test_a_deploy_runs_what_the_tool_says_is_pending_at_the_commit() -> None:
    sight = Tool(printed("X0001"), printed("X0001", "0002", "0003"), HOST, replace(HOST, host="web2"))
    plan = await Deploy(RECIPES).plan(RUN, replace(AT, hosts=("web1", "web2")), sight)
    assert isinstance(plan, Plan)
    assert plan.pending == ("a.0002", "a.0003")
    assert [question.commit_command is not None for question in sight.asked] == [True, False]
    [preview] = [step for step in plan.steps if isinstance(step.act, Preview)]
    assert "'a.0002\na.0003'" in preview.act.show_sql.script()  # type: ignore[union-attr]  # it is a Preview
    assert plan_from_json(plan_to_json(plan)) == plan
    assert plan.findings == ()
    assert await Deploy(RECIPES).pending(plan, AT, Tool(printed("X0001", "X0002", "0003"), printed())) == ("a.0003",)


async def test_what_a_commit_has_is_said_in_confinement_and_what_ran_by_the_live_code() -> None:
    sight = Tool(printed("X0001"), printed("X0001", "X0002", "0003"), HOST, replace(HOST, host="web2"))
    plan = await Deploy(RECIPES).plan(RUN, replace(CONFINED, hosts=("web1", "web2")), sight)
    assert isinstance(plan, Plan)
    assert plan.pending == ("a.0002", "a.0003")
    [act] = [step.act for step in plan.steps if isinstance(step.act, SandboxRehearsal)]
    assert (act.migrations, act.records, act.python) == (plan.pending, MigrationRecords.DJANGO, ".venv")
    assert plan_from_json(plan_to_json(plan)) == plan
    first, *others = sight.asked
    assert isinstance(first.code, ConfinedCommand)
    assert [question.commit_command for question in others] == [None]


@pytest.mark.parametrize(
    ("told", "detail"),
    [
        (NotConfined("namespaces", "bwrap: No permissions"), "namespaces: bwrap: No permissions"),
        (CommandOutput(1, "Traceback\nModuleNotFoundError: x", "…"), "ModuleNotFoundError: x"),
    ],
)
async def test_a_commit_that_cannot_be_asked_in_confinement_is_refused(
    told: CommandOutput | NotConfined, detail: str
) -> None:
    with pytest.raises(RefusedError) as refusal:
        await Deploy(RECIPES).plan(RUN, CONFINED, Tool(printed("X0001"), told))
    assert refusal.value.problem.reason is Reason.UNLISTED_COMMIT
    assert refusal.value.problem.facts["detail"] == detail
    status = await MigrateStatus(RECIPES).status(CONFINED, Tool(printed("X0001", "0002"), told))
    assert (status.pending_live, status.pending_branch, status.unlisted) == (("a.0002",), (), detail)


@pytest.mark.parametrize("mode", [mode for mode in RehearsalMode if mode is not RehearsalMode.TRUSTED])
def test_code_of_a_commit_has_the_account_s_rights_in_one_mode_alone(mode: RehearsalMode) -> None:
    target = replace(TARGET, policy=replace(TARGET.policy, rehearsal=mode))
    for name in ("alembic", "django"):
        recipe = load_recipe(name, Path())
        at = replace(target, vars=recipe.check_vars({})[0])
        assert isinstance(question(recipe, at, "main").code, ConfinedCommand)
        without = replace(recipe, migrations=replace(recipe.migrations, sandbox=None))  # type: ignore[type-var]
        assert question(without, at, "main").code is CommitCode.NEVER


async def test_a_recipe_that_cannot_ask_in_confinement_leaves_the_branch_unknown() -> None:
    recipe = RECIPES[NAME]
    assert isinstance(recipe.migrations, MigrationCommand)
    without = {NAME: replace(recipe, migrations=replace(recipe.migrations, sandbox=None))}
    sight = Tool(printed("X0001", "0002"), printed())
    sight.refuses = True
    status = await MigrateStatus(without).status(CONFINED, sight)
    assert (status.pending_live, status.pending_branch, status.unlisted) == (("a.0002",), (), "")
    with pytest.raises(RefusedError) as refusal:
        await Deploy(without).plan(RUN, CONFINED, sight)
    assert refusal.value.problem.reason is Reason.UNLISTED_COMMIT


async def test_the_basis_moves_with_what_the_tool_says() -> None:
    command = Deploy(RECIPES)
    plan = await command.plan(RUN, AT, Tool(printed("X0001"), printed("X0001", "0002")))
    assert isinstance(plan, Plan)
    same = await command.basis(plan, RUN, AT, Tool(printed("X0001"), printed("X0001", "0002")))
    assert same == plan.basis
    moved = await command.basis(plan, RUN, AT, Tool(printed("X0001"), printed("X0001", "X0002")))
    assert moved.facts["pending migrations"] == ""


async def test_a_rollback_undoes_what_the_commit_before_does_not_have_and_looks_at_the_live_code() -> None:
    command, run = Rollback(RECIPES), replace(RUN, request=replace(REQUEST, options=RollbackOptions()))
    host = replace(HOST, sha=NEXT, removed_count=1, migrations=())
    sight = Tool(printed("X0001", "X0002", "X0003"), printed("X0001"), host)
    sight.known = (Release("R-OLDER1", HEAD, NEXT, good=True),)
    plan = await command.plan(run, AT, sight)
    assert isinstance(plan, Plan)
    assert plan.undo == ("a.0003", "a.0002")
    [down] = [step for step in plan.steps if step.key == "migrate-down"]
    assert isinstance(down.act, Shell)
    assert "approved='a.0003\na.0002'" in down.act.command.script()
    assert await command.basis(plan, run, AT, sight) == plan.basis
    assert await command.pending(plan, AT, sight) == plan.undo


async def test_a_tool_that_fails_is_told_and_nothing_is_planned() -> None:
    with pytest.raises(RefusedError) as refusal:
        await Deploy(RECIPES).plan(RUN, AT, Tool(printed(), CommandOutput(1, "", "  Traceback\nNo module named 'x'\n")))
    assert refusal.value.problem.reason is Reason.MIGRATIONS_UNREADABLE
    assert refusal.value.problem.facts["detail"].endswith("No module named 'x'")


AHEAD = CommandOutput(
    0, "Rev: 1a5e (head)\nParent: <base>\n\n    accounts\n\nFAILED: Can't locate revision identified by '0b91'", ""
)
WHOLE = CommandOutput(
    0,
    "Rev: 0b91 (head)\nParent: 1a5e\n\n    index\n\nRev: 1a5e\nParent: <base>\n\n    accounts\n\n"
    "Current revision(s) for mysql://db:\nRev: 0b91 (head)\nParent: 1a5e\n",
    "",
)


async def test_a_database_ahead_of_the_code_is_no_ground_to_plan_on() -> None:
    recipes = {NAME: load_recipe("alembic", Path())}
    with pytest.raises(RefusedError) as refusal:
        await Deploy(recipes).plan(RUN, replace(AT, vars=recipes[NAME].check_vars({})[0]), Tool(AHEAD, AHEAD))
    assert refusal.value.problem.facts["unknown"] == "0b91"


async def test_the_status_is_told_by_whichever_commit_knows_them_all() -> None:
    recipes = {NAME: load_recipe("alembic", Path())}
    at = replace(AT, vars=recipes[NAME].check_vars({})[0])
    for live, branch in ((AHEAD, WHOLE), (WHOLE, AHEAD)):
        status = await MigrateStatus(recipes).status(at, Tool(live, branch))
        assert status.ran == (AppliedMigration("1a5e accounts", None), AppliedMigration("0b91 index", None))
        assert (status.pending_live, status.pending_branch, status.missing) == ((), (), ())
