"""`/backup`: its words, and the plan of a dump."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.domain.backups.backup import BackupInfo, BackupList, Proof, Purpose
from bot.domain.errors import Reason, RefusedError
from bot.domain.policies.policy import NO_REQUIREMENT
from bot.domain.runs.acts import Discard, Dump, ProofServer, Prove
from bot.domain.runs.findings import BackupsFromTheFuture
from bot.domain.runs.plan import Plan, Risk
from bot.domain.runs.plan_json import plan_from_json, plan_to_json
from bot.domain.runs.planner import Planner
from bot.domain.runs.request import Action, Request
from bot.domain.runs.request_json import options_from_json, options_to_json
from bot.domain.runs.run import Run
from bot.domain.secrets import Secret
from bot.domain.targets.scratch import Scratch, ScratchBeside, ScratchNone, ScratchPrivate, ScratchServer
from bot.domain.targets.table_names import TableNames
from bot.domain.targets.target import Backups, BotDirectory, Keep, Target
from bot.recipes.load import load_recipe
from commands.backup import Backup
from commands.backup_restore import RestoreSubcommand
from commands.backup_verify import VerifySubcommand
from tests.support.examples import HOST, NAME, NOON, OPERATIONS, ORIGIN, REQUEST, RUN, TARGET, Sight

BACKUP = Backup({NAME: load_recipe("laravel", Path())})
ID = "B-20261116-7K3F9Q"
KEPT = BackupInfo(ID, "R-7K3F9Q", Purpose.ASKED, NOON, "compte", "", (), (), 1, "0" * 64, Proof.CHECKED)


def run_with(**options: str) -> Run:
    return replace(RUN, request=replace(REQUEST, options=options_from_json(Action.BACKUP, options)))


@pytest.mark.parametrize(
    ("words", "action", "options"),
    [
        ("compte production", Action.BACKUP, {}),
        ("compte production users sessions users", Action.BACKUP, {"tables": "users\nsessions"}),
        ("list compte production", Action.BACKUP, {"what": "list"}),
        ("LIST compte production", Action.BACKUP, {"what": "list"}),
        (f"verify compte production {ID.lower()}", Action.BACKUP, {"what": "verify", "backup": ID}),
        (f"restore compte production {ID}", Action.RESTORE, {"what": "restore", "backup": ID}),
    ],
)
def test_words(words: str, action: Action, options: dict[str, str]) -> None:
    request = BACKUP.parse(tuple(words.split()), ORIGIN, OPERATIONS)
    assert (request.action, options_to_json(request.options), request.target) == (action, options, NAME)
    assert request.typed == f"/backup {words}"


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ((), Reason.USAGE),
        (("compte",), Reason.USAGE),
        (("lst", "compte", "production"), Reason.BAD_OPTION),
        (("restor", "compte", "production", "B-1"), Reason.BAD_OPTION),
        (("list", "compte", "production", "users"), Reason.USAGE),
        (("restore", "compte", "production"), Reason.USAGE),
        (("restore", "compte", "production", "../../etc"), Reason.UNKNOWN_BACKUP),
        (("verify", "compte", "production", f"{ID};reboot"), Reason.UNKNOWN_BACKUP),
        (("compte", "production", "--all"), Reason.BAD_OPTION),
        (("compte", "production", "x" * 65), Reason.BAD_TABLE),
        (("compte", "production", "new\nline"), Reason.BAD_TABLE),
        (("compte", "production", "ends "), Reason.BAD_TABLE),
        (("compt", "production"), Reason.UNKNOWN_APP),
    ],
)
def test_bad_words_are_answered(words: tuple[str, ...], reason: Reason) -> None:
    with pytest.raises(RefusedError) as refusal:
        BACKUP.parse(words, ORIGIN, OPERATIONS)
    assert refusal.value.problem.reason is reason


@pytest.mark.parametrize(
    ("words", "there", "nearest"),
    [
        ("compte production users", TableNames(frozenset({"users"})), None),
        ("compte production userz", TableNames(frozenset({"users", "sessions"})), "users"),
        ("compte production users orders", TableNames(frozenset({"users"})), ""),
        ("compte production Users", TableNames(frozenset({"users"})), "users"),
        ("compte production Users", TableNames(frozenset({"users"}), folded=True), None),
        ("compte production users", None, None),
        ("compte production", TableNames(frozenset()), None),
    ],
)
async def test_a_table_that_is_not_there_starts_no_run(
    words: str, there: TableNames | None, nearest: str | None
) -> None:
    sight = Sight()
    sight.tables_there = there
    request = BACKUP.parse(tuple(words.split()), ORIGIN, OPERATIONS)
    assert await _refused(BACKUP, request, sight) == (None if nearest is None else (Reason.UNKNOWN_TABLE, nearest))


@pytest.mark.parametrize("subcommand", [VerifySubcommand(), RestoreSubcommand({})])
@pytest.mark.parametrize(
    ("typed", "unreadable", "refused"),
    [
        (ID, (), None),
        ("B-20261116-7K3F9R", (), (Reason.UNKNOWN_BACKUP, ID)),
        ("B-20261116-7K3F9R", ("B-20261116-7K3F9R",), None),
    ],
)
async def test_a_backup_that_is_not_there_starts_no_run(
    subcommand: VerifySubcommand | RestoreSubcommand,
    typed: str,
    unreadable: tuple[str, ...],
    refused: tuple[Reason, str] | None,
) -> None:
    sight = Sight()
    sight.backup_list = BackupList(NAME.app, NAME.environment, (KEPT,), unreadable)
    words = (subcommand.name, "compte", "production", typed)
    request = subcommand.parse(words, ORIGIN, OPERATIONS)
    assert await _refused(subcommand, request, sight) == refused


async def _refused(planner: Planner, request: Request, sight: Sight) -> tuple[Reason, str] | None:
    try:
        await planner.check_names(request, TARGET, sight)
    except RefusedError as refused:
        return refused.problem.reason, refused.problem.facts["nearest"]
    return None


async def test_a_dump_reads_and_asks_nobody() -> None:
    plan = await BACKUP.plan(run_with(tables="users\nsessions"), TARGET, Sight())
    assert isinstance(plan, Plan)
    dump = plan.steps[0].act
    assert dump == Dump(plan.backup or "", ("users", "sessions"), Purpose.ASKED)
    assert {step.risk for step in plan.steps} == {Risk.READS}
    assert plan.requirement == NO_REQUIREMENT
    assert plan_from_json(plan_to_json(plan)) == plan


async def test_a_scheduled_one_says_so() -> None:
    plan = await BACKUP.plan(run_with(scheduled="2026-11-16T03:00:00+00:00"), TARGET, Sight())
    assert isinstance(plan, Plan)
    dump = plan.steps[0].act
    assert isinstance(dump, Dump)
    assert (dump.tables, dump.purpose) == ((), Purpose.SCHEDULED)


async def test_behind_a_scheduled_one_what_is_no_longer_kept_goes() -> None:
    assert TARGET.backups is not None
    target = replace(TARGET, backups=replace(TARGET.backups, keep=Keep(1, 0, 0)))
    look = Sight()
    new = BackupInfo("B-20261102-AAAAAA", "R", Purpose.ASKED, NOON, "compte", "", (), (), 1, "0" * 64, Proof.CHECKED)
    old = replace(new, backup="B-20261101-AAAAAA", started=NOON - timedelta(days=1))
    look.backup_list = BackupList(NAME.app, NAME.environment, (new, old))
    plan = await BACKUP.plan(run_with(scheduled="2026-11-16T03:00:00+00:00", missed="yes"), target, look)
    assert isinstance(plan, Plan)
    last = plan.steps[-1]
    assert last.act == Discard((old.backup,))
    assert [finding.kind for finding in plan.findings] == ["missed", "retention"]
    assert plan_from_json(plan_to_json(plan)) == plan
    look.backup_list = replace(look.backup_list, referred=frozenset({old.backup}))
    kept = await BACKUP.plan(run_with(scheduled="2026-11-16T03:00:00+00:00"), target, look)
    assert isinstance(kept, Plan)
    assert [step.key for step in kept.steps] == ["backup", "backup-proof"]
    asked = await BACKUP.plan(run_with(), target, look)
    assert isinstance(asked, Plan)
    assert [step.key for step in asked.steps] == ["backup", "backup-proof"]


async def test_backups_dated_in_the_future_are_named_in_the_plan_of_the_retention() -> None:
    assert TARGET.backups is not None
    target = replace(TARGET, backups=replace(TARGET.backups, keep=Keep(1, 0, 0)))
    look = Sight()
    good = BackupInfo("B-20261101-AAAAAA", "R", Purpose.ASKED, NOON, "compte", "", (), (), 1, "0" * 64, Proof.PROVEN)
    ahead = [replace(good, backup=f"B-2099110{n}-AAAAAA", started=NOON + timedelta(days=26700 + n)) for n in range(7)]
    look.backup_list = BackupList(NAME.app, NAME.environment, (*ahead[::-1], good))
    plan = await BACKUP.plan(run_with(scheduled="2026-11-16T03:00:00+00:00"), target, look)
    assert isinstance(plan, Plan)
    assert [step.key for step in plan.steps] == ["backup", "backup-proof"]
    assert plan.findings == (BackupsFromTheFuture(tuple(each.backup for each in ahead)),)


@pytest.mark.parametrize(
    ("target", "missing"), [(replace(TARGET, database=None), "database"), (replace(TARGET, backups=None), "backups")]
)
async def test_a_target_without_a_place_for_backups_is_answered(target: Target, missing: str) -> None:
    with pytest.raises(RefusedError) as refusal:
        await BACKUP.plan(run_with(), target, Sight())
    assert refusal.value.problem.reason is Reason.BACKUP_IMPOSSIBLE
    assert missing in refusal.value.problem.facts["detail"]


async def test_what_is_kept_elsewhere_is_removed_too() -> None:
    target = replace(TARGET, backups=Backups("", keep=Keep(1, 0, 0), store=BotDirectory("/var/lib/backups")))
    look = Sight()
    new = BackupInfo("B-20261102-AAAAAA", "R", Purpose.ASKED, NOON, "compte", "", (), (), 1, "0" * 64, Proof.CHECKED)
    old = replace(new, backup="B-20261101-AAAAAA", started=NOON - timedelta(days=1))
    look.backup_list = BackupList(NAME.app, NAME.environment, (new, old))
    plan = await BACKUP.plan(run_with(scheduled="2026-11-16T03:00:00+00:00"), target, look)
    assert isinstance(plan, Plan)
    assert plan.steps[-1].act == Discard((old.backup,))
    assert plan_from_json(plan_to_json(plan)) == plan


def sealed(**changes: object) -> Target:
    assert TARGET.backups is not None
    assert TARGET.database is not None
    backups = replace(TARGET.backups, encrypt_to="age1x", **changes)
    return replace(TARGET, backups=backups, database=replace(TARGET.database, scratch=ScratchBeside()))


async def test_a_host_without_age_is_not_given_a_dump_to_encrypt() -> None:
    look = Sight(replace(HOST, missing_tools=("age",)))
    with pytest.raises(RefusedError) as refused:
        await BACKUP.plan(run_with(), sealed(), look)
    assert refused.value.problem.reason is Reason.BACKUP_IMPOSSIBLE
    assert "web1 has no `age`" in refused.value.problem.facts["detail"]
    assert look.asked[-1].tools == ("age",)
    plan = await BACKUP.plan(run_with(), sealed(store=BotDirectory("/x")), look)
    assert isinstance(plan, Plan), "the bot encrypts what it keeps itself"


async def test_what_the_bot_cannot_open_is_not_proven() -> None:
    async def keys(target: Target) -> list[str]:
        plan = await BACKUP.plan(run_with(), target, Sight())
        assert isinstance(plan, Plan)
        return [step.key for step in plan.steps]

    assert await keys(sealed()) == ["backup"]
    assert await keys(sealed(identity=Secret("AGE-SECRET-KEY-1X"))) == ["backup", "backup-proof"]


@pytest.mark.parametrize(
    ("scratch", "act"),
    [
        (ScratchPrivate(), Prove("B", None, ProofServer.PRIVATE)),
        (ScratchBeside(), Prove("B", "compte_countersign_proof_7k3f9q", ProofServer.PRIVATE)),
        (ScratchServer("10.0.0.9", 3306, "copy", Secret("x")), Prove("B", None, ProofServer.PRIVATE)),
        (ScratchNone(), None),
    ],
)
async def test_a_backup_is_proven_where_copies_may_live(scratch: Scratch, act: Prove | None) -> None:
    assert TARGET.database is not None
    target = replace(TARGET, database=replace(TARGET.database, scratch=scratch))
    plan = await BACKUP.plan(run_with(), target, Sight())
    assert isinstance(plan, Plan)
    proofs = [step.act for step in plan.steps if isinstance(step.act, Prove)]
    assert [replace(proof, backup="B") for proof in proofs] == ([act] if act is not None else [])
    assert plan_from_json(plan_to_json(plan)) == plan
