"""What the cards say of backups: what was written since one, what a run made of one, and where tables are in doubt."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bot.domain.backups.backup import BackupList, Proof
from bot.domain.backups.writes_since import WriteState
from bot.domain.runs.acts import Dump, ProofServer, Prove, Swap
from bot.domain.runs.findings import BackupToRestore, OtherTables, TableWritten, finding_of
from bot.domain.runs.plan import Phase, Plan, Risk, Step
from bot.domain.runs.request import Action
from bot.domain.runs.run import Run, RunState, StepRow, StepState
from bot.sandbox.obstacles import Obstacle
from bot.slack.render.cards.approval.plan_card import plan_card
from bot.slack.render.cards.backups import backup_findings, backup_outcome
from bot.slack.render.cards.backups.backup_list_card import backups_card
from bot.slack.render.cards.backups.unprovable import unprovable
from bot.slack.render.run_messages import render
from tests.slack.support.limits import texts
from tests.slack.support.runs import PLAN, ctx, run
from tests.support.examples import PLAIN

BACKUP, OLD, FRESH = "B-20261122-AAAAAA", "compte_countersign_before_x", "compte_countersign_restore_x"
REPLACES = BackupToRestore(
    BACKUP, "compte", (), datetime(2026, 11, 22, 12, tzinfo=UTC), Proof.PROVEN, seconds=40, downtime=60, old=OLD
)
MADE = {"backup": BACKUP, "bytes": "164196", "proof": "checked"}
PROVEN = {"backup": BACKUP, "bytes": "164196", "proof": "proven", "restore_seconds": "40"}


def step(key: str, act: Dump | Prove | Swap) -> Step:
    return Step(key, key, Phase.CHANGE, ("web1",), Risk.READS, 60, act)


def about(action: Action, state: RunState, plan: Plan, *rows: StepRow) -> Run:
    made = run(state, plan=plan, steps=rows)
    return replace(made, request=replace(made.request, options=PLAIN[action]))


def row(key: str, state: StepState = StepState.DONE, **facts: str) -> StepRow:
    return StepRow(1, key, key, Phase.CHANGE, Risk.READS, "web1", 1, state=state, facts=facts)


def test_the_list_names_backups_that_are_dated_in_the_future() -> None:
    future = frozenset({"B-20990101-AAAAAA", "B-20990102-AAAAAA"})
    said = str(backups_card(BackupList("compte", "production", (), future_dated=future), ctx().translator).blocks)
    assert "Dated in the future, so neither counted nor removed: B-20990101-AAAAAA, B-20990102-AAAAAA." in said


@pytest.mark.parametrize(
    ("table", "line"),
    [
        (TableWritten("users", WriteState.CHANGED, 5000, 0, counted=True), "written to · 5,000 → 0 rows"),
        (TableWritten("users", WriteState.CHANGED, 5, 9, counted=False), "written to · 5 → about 9 rows"),
        (
            TableWritten("users", WriteState.CHANGED, 5, 9, counted=False, grown=4),
            "written to · 5 → about 9 rows · AUTO_INCREMENT +4",
        ),
        (TableWritten("users", WriteState.CHANGED, 5, 9, counted=True, grown=6), "written to · 5 → 9 rows"),
        (TableWritten("users", WriteState.CHANGED, 5, 5, counted=True), "written to · 5 rows"),
        (TableWritten("users", WriteState.ADDED, grown=12000), "rows added · AUTO_INCREMENT +12,000"),
        (TableWritten("users", WriteState.UNKNOWN), "no way to tell whether it was written to"),
    ],
)
def test_a_table_that_was_written_to_is_told_in_one_line(table: TableWritten, line: str) -> None:
    findings = (table, OtherTables(same=3, more=0))
    said = backup_findings.written_since(replace(PLAN, findings=findings), ctx())
    assert said.splitlines()[1:] == [f"• `users`: {line}", "3 other tables are unchanged."]


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        (PROVEN, f"💾 `{BACKUP}` · 160.3\u00a0kB · *proven* · restores in about 40\u00a0s"),
        ({}, f"💾 `{BACKUP}` · 160.3\u00a0kB · checked, not proven"),
    ],
)
def test_a_backup_that_was_made_is_named_with_its_proof(facts: dict[str, str], said: str) -> None:
    steps = (step("backup", Dump(BACKUP)), step("backup-proof", Prove(BACKUP, "scratch")))
    plan = replace(PLAN, steps=steps, findings=())
    made = about(Action.BACKUP, RunState.SUCCEEDED, plan, row("backup", **MADE), row("backup-proof", **facts))
    assert backup_outcome.made_backup(made, ctx()) == said
    for slot in ("card", "result"):
        assert said in "\n".join(texts(render(made, ctx())[slot].blocks))
    assert backup_outcome.made_backup(replace(made, state=RunState.FAILED), ctx()) == ""
    assert (
        backup_outcome.made_backup(replace(made, request=replace(made.request, options=PLAIN[Action.DEPLOY])), ctx())
        == ""
    )


def test_a_restore_says_which_data_is_live_and_where_the_other_is() -> None:
    done = about(Action.RESTORE, RunState.SUCCEEDED, replace(PLAN, findings=(REPLACES,)))
    live, kept = backup_outcome.restore_result(done, ctx()).splitlines()
    assert live.startswith(f"`{BACKUP}` is live, with the data of <!date^")
    assert kept == f"What was there before is in `{OLD}`, until `/backup drop-old compte production` drops it."
    some = replace(REPLACES, tables=("users", "roles"))
    done = about(Action.RESTORE, RunState.SUCCEEDED, replace(PLAN, findings=(some,)))
    assert backup_outcome.restore_result(done, ctx()).splitlines()[0].endswith(": users, roles.")
    assert backup_outcome.restore_result(replace(done, state=RunState.FAILED), ctx()) == ""


def test_a_swap_that_nobody_saw_the_end_of_says_where_the_tables_can_be() -> None:
    plan = replace(PLAN, steps=(step("restore-swap", Swap(BACKUP, FRESH, OLD)),), findings=(REPLACES,))
    swap = row("restore-swap", StepState.UNKNOWN)
    said = backup_outcome.unknown_swap(about(Action.RESTORE, RunState.NEEDS_HUMAN, plan, swap), ctx())
    assert f"• What was live: in `{OLD}`, or still in `compte`" in said
    assert f"• What is being restored: in `compte`, or still in `{FRESH}`" in said
    assert backup_outcome.unknown_swap(about(Action.RESTORE, RunState.FAILED, plan, swap), ctx()) == ""


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        (
            {
                "unprovable": "tools",
                "unprovable_detail": "bwrap is not installed",
                "remedy": "apt-get install bubblewrap",
            },
            "a program is not installed (bwrap is not installed). That says nothing against the backup."
            " As root on the host: `apt-get install bubblewrap`",
        ),
        (
            {"unprovable": "namespaces", "remedy": "one\ntwo\nthree"},
            "the host refuses this account a network of its own. That says nothing against the backup."
            " `countersign doctor` prints what helps.",
        ),
        (
            {"unprovable": "disk", "unprovable_detail": "<!channel> is full", "remedy": ""},
            "the host has too little free disk (&lt;!channel&gt; is full). That says nothing against the backup.",
        ),
    ],
)
def test_a_backup_that_could_not_be_tried_says_why_and_what_helps(facts: dict[str, str], said: str) -> None:
    steps = (step("backup", Dump(BACKUP)), step("backup-proof", Prove(BACKUP, None, ProofServer.PRIVATE)))
    plan = replace(PLAN, steps=steps, findings=())
    made = about(Action.BACKUP, RunState.SUCCEEDED, plan, row("backup", **MADE), row("backup-proof", **facts))
    kept, why = backup_outcome.made_backup(made, ctx()).splitlines()
    assert kept.endswith("checked, not proven")
    assert why == f"ℹ️ It cannot be proven here: {said}"
    before = replace(PLAN, findings=(finding_of("backup", {**MADE, **facts}),))
    card = plan_card(about(Action.DEPLOY, RunState.AWAITING_APPROVAL, before), before, "0" * 64, ctx())
    assert said in str(card.blocks)


def test_each_obstacle_has_words() -> None:
    for obstacle in Obstacle:
        assert unprovable({"unprovable": obstacle.value}, ctx())
    assert unprovable({"unprovable": "a later version's"}, ctx()) == ""
