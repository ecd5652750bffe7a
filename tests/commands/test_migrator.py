"""What the framework of the live checkout says of its migrations, and what commands make of it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from bot.domain.errors import Reason, RefusedError
from bot.domain.runs.acts import Migrate, NothingPending
from bot.domain.runs.migration_source import MigrationSource
from bot.domain.runs.plan import NothingToDo, Plan
from bot.domain.runs.plan_json import plan_from_json, plan_to_json
from bot.domain.runs.request import Action, Decision, ResumeOptions
from bot.domain.runs.run import RunState
from bot.domain.targets.look import AppliedMigration, CommandOutput, DatabaseFacts, HostFacts, HostQuestion
from bot.domain.targets.migrator import source_lines
from bot.recipes.load import load_recipe
from commands.deploy import Deploy
from commands.migrate_status import MigrateStatus
from tests.commands.test_deploy_unfinished import ended
from tests.support.examples import DATABASE, HEAD, HOST, NAME, NEXT, REQUEST, RUN, TARGET, Sight, sha256

RECIPES = {NAME: load_recipe("laravel", Path())}
RAN, NEW = "2025_01_01_000000_create_users", "2025_11_16_074003_add_token_id"
FOLDER = "database/migrations"
PACKAGE = MigrationSource("2025_10_01_000000_audit", "vendor/acme/audit/2025_10_01_000000_audit.php", "hash")


def in_git(name: str, sha: str = "") -> MigrationSource:
    path = f"{FOLDER}/{name}.php"
    return MigrationSource(name, path, sha or sha256(path))


def said(
    *pending: MigrationSource, ran: tuple[str, ...] = (RAN,), table: str = "migrations", status: int = 0
) -> CommandOutput:
    lines = [json.dumps({"is": "table", "name": table, "exists": True}, separators=(",", ":"))]
    for kind, sources in (("pending", pending), ("ran", map(in_git, ran))):
        lines += [f'{line},"file":"/"}}' for line in source_lines(sources, kind).splitlines()]
    lines += [json.dumps({"is": "row", "name": name, "batch": 1}, separators=(",", ":")) for name in ran]
    return CommandOutput(status, "\n".join([*lines, '{"is":"end"}', ""]), "it is broken" if status else "")


class Asked(Sight):
    """A look at a host whose framework answers, at HEAD with the files that ran alone."""

    def __init__(self, answer: CommandOutput, *hosts: HostFacts, database: DatabaseFacts = DATABASE) -> None:
        super().__init__(*hosts, database=database)
        self.answer = answer
        self.tables: list[str | None] = []

    async def host(self, name: str, question: HostQuestion) -> HostFacts:
        facts = await super().host(name, question)
        facts = replace(facts, migrator=self.answer if question.migrator is not None else None)
        return facts if question.ref is not None else replace(facts, migrations=facts.migrations[:1], sha=None)

    async def database(self, table: str | None) -> DatabaseFacts:
        self.tables.append(table)
        return self.facts


async def planned(look: Sight) -> Plan:
    answer = await Deploy(RECIPES).plan(RUN, TARGET, look)
    assert isinstance(answer, Plan)
    return answer


def migrate(plan: Plan) -> Migrate:
    return next(step.act for step in plan.steps if isinstance(step.act, Migrate))


async def test_migrations_are_approved_by_the_hashes_of_their_files() -> None:
    plan = await planned(Asked(said()))
    assert plan.pending == (NEW,)
    assert migrate(plan).files == (in_git(NEW),)
    assert (migrate(plan).expects, migrate(plan).table) == (NEXT, "migrations")
    assert plan_from_json(plan_to_json(plan)) == plan


async def test_migrations_of_packages_are_planned_as_the_live_framework_knows_them() -> None:
    look = Asked(said(PACKAGE))
    plan = await planned(look)
    assert plan.pending == (PACKAGE.name, NEW)
    assert migrate(plan).files == (PACKAGE, in_git(NEW))
    assert plan.basis.differences(await Deploy(RECIPES).basis(plan, RUN, TARGET, look) | plan.basis) == ()
    look.answer = said()
    found = plan.basis.differences(await Deploy(RECIPES).basis(plan, RUN, TARGET, look))
    assert ("pending migrations", f"{PACKAGE.name}, {NEW}", NEW) in found


async def test_a_package_alone_is_reason_enough_to_deploy_what_is_live() -> None:
    live = replace(HOST, head=NEXT, sha=NEXT, migrations=(f"{RAN}.php",))
    assert (await planned(Asked(said(PACKAGE), live))).pending == (PACKAGE.name,)
    assert isinstance(await Deploy(RECIPES).plan(RUN, TARGET, Asked(said(), live)), NothingToDo)


async def test_the_table_is_what_the_framework_calls_it() -> None:
    look = Asked(said(table="app_changes"))
    plan = await planned(look)
    assert look.tables[-1] == "app_changes"
    assert migrate(plan).table == "app_changes"
    pending = next(step.act for step in plan.steps if isinstance(step.act, NothingPending))
    assert pending.table == "app_changes"
    look.tables.clear()
    await Deploy(RECIPES).pending(plan, TARGET, look)
    assert look.tables == ["app_changes"]


@pytest.mark.parametrize("name", ["Helper", ".hidden_file", "notes"])
async def test_helpers_among_the_migrations_are_none(name: str) -> None:
    helped = replace(HOST, migrations=(*HOST.migrations, f"{name}.php"), untracked=(f"{name}.php",))
    assert (await planned(Asked(said(), helped))).pending == (NEW,)


async def test_a_file_that_is_not_in_git_and_would_run_is_refused() -> None:
    stray = in_git("2026_01_01_000000_stray")
    host = replace(HOST, untracked=(f"{stray.name}.php", f"{RAN}.php"))
    with pytest.raises(RefusedError) as refusal:
        await planned(Asked(said(stray), host))
    assert refusal.value.problem.reason is Reason.MIGRATION_NOT_IN_GIT
    assert refusal.value.problem.facts == {"host": "web1", "files": stray.path}
    assert (await planned(Asked(said(), host))).pending == (NEW,), "it is there, and has run"
    with pytest.raises(RefusedError):
        await planned(Asked(said(status=255), host))


@pytest.mark.parametrize("answer", [said(status=255), CommandOutput(0, "Fatal error", ""), CommandOutput(0, "", "")])
async def test_an_application_that_cannot_answer_is_deployed_by_what_git_has(answer: CommandOutput) -> None:
    plan = await planned(Asked(answer))
    assert plan.pending == (NEW,)
    assert migrate(plan).files == (in_git(NEW),)


async def test_the_first_host_alone_is_asked() -> None:
    look = Asked(said(), HOST, replace(HOST, host="web2"))
    await Deploy(RECIPES).plan(RUN, replace(TARGET, hosts=("web1", "web2")), look)
    assert [question.migrator is not None for question in look.asked[:2]] == [True, False]


# ── /migrate-status ──────────────────────────────────────────────────────────────────────────────────────────────────


async def test_the_status_is_what_the_framework_says_of_the_live_code() -> None:
    stray = in_git("2026_01_01_000000_stray")
    status = await MigrateStatus(RECIPES).status(TARGET, Asked(said(PACKAGE, stray)))
    assert status.pending_live == (PACKAGE.name, stray.name)
    assert status.pending_branch == (NEW,)
    assert (status.missing, status.unanswered, status.head) == ((), "", HEAD)


async def test_what_ran_from_a_package_is_not_missing() -> None:
    ran = replace(DATABASE, ran=(*DATABASE.ran, replace(DATABASE.ran[0], name="of_a_package")))
    status = await MigrateStatus(RECIPES).status(TARGET, Asked(said(ran=(RAN, "of_a_package")), database=ran))
    assert status.missing == ()
    status = await MigrateStatus(RECIPES).status(TARGET, Asked(said(), database=ran))
    assert status.missing == ("of_a_package",)


async def test_what_was_squashed_into_a_dump_of_the_schema_is_not_missing() -> None:
    answer = said()
    squashed = json.dumps({"is": "squashed", "name": "2020_squashed"}, separators=(",", ":"))
    answer = replace(answer, output=answer.output.replace('{"is":"end"}', squashed + '\n{"is":"end"}'))
    ran = [replace(DATABASE.ran[0], name=name) for name in ("2020_squashed", "2020_lost")]
    database = replace(DATABASE, ran=(*ran, *DATABASE.ran))
    status = await MigrateStatus(RECIPES).status(TARGET, Asked(answer, database=database))
    assert status.missing == ("2020_lost",)


async def test_the_status_says_where_the_framework_did_not_answer() -> None:
    status = await MigrateStatus(RECIPES).status(TARGET, Asked(said(status=255)))
    assert status.unanswered == "it is broken"
    assert (status.pending_live, status.pending_branch) == ((), (NEW,))


# ── going on after a run that stopped ────────────────────────────────────────────────────────────────────────────────


async def going_on(ran: tuple[str, ...]) -> Plan:
    """Plan a retry of a run that stopped while it migrated, where some of its migrations have run by now."""
    stopped = ended(await planned(Asked(said(PACKAGE))), "migrate", RunState.NEEDS_HUMAN)
    rows = tuple(AppliedMigration(name, 2) for name in ran)
    look = Asked(said(), replace(HOST, head=NEXT), database=replace(DATABASE, ran=(*DATABASE.ran, *rows)))
    look.remember(stopped)
    options = ResumeOptions(Action.DEPLOY, stopped.id, Decision.RETRY)
    run = replace(RUN, id="R-BBBBBB", request=replace(REQUEST, options=options))
    answer = await Deploy(RECIPES).plan(run, TARGET, look)
    assert isinstance(answer, Plan)
    return answer


async def test_a_retry_runs_what_is_left_of_the_approved_files() -> None:
    assert migrate(await going_on(())).files == (PACKAGE, in_git(NEW))
    plan = await going_on((PACKAGE.name,))
    assert plan.pending == (NEW,)
    assert migrate(plan).files == (in_git(NEW),)


async def test_a_retry_runs_no_migrations_where_none_are_left() -> None:
    plan = await going_on((PACKAGE.name, NEW))
    assert plan.pending == ()
    assert not any(isinstance(step.act, Migrate) for step in plan.steps)
    assert any(step.key == "route-cache" for step in plan.steps)
