"""The evidence of migrations: the gravest word first, every code in a sentence, within a phone's patience."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from bot.databases.migrations.sql.ddl import BREAKS_OLD_CODE, DESTROYS
from bot.domain.runs.acts import Direction
from bot.domain.runs.findings import (
    AttemptKind,
    Finding,
    LackKind,
    MigrationFinding,
    NoBackupData,
    NotRehearsed,
    NotRehearsedReason,
    OldCode,
    Rehearsed,
    RehearsedRows,
    RehearsedWhere,
    RowsChanged,
    RowsCounted,
    SandboxAttempt,
    SandboxLack,
    SandboxLimit,
    SchemaChange,
    StatementFinding,
    UnknownFinding,
    WayBack,
    WayBackState,
)
from bot.domain.runs.migration_risk import DownMethod, EffectKind, MigrationRisk, Online, RiskReason
from bot.domain.runs.plan import Phase, Plan, Risk, Step
from bot.sandbox.obstacles import Obstacle
from bot.slack.render.builtin_catalog import ENGLISH
from bot.slack.render.cards.approval import data_changes, evidence, rehearsal
from bot.slack.render.run_messages import render
from bot.slack.render.text import Translator
from tests.domain.support.plan_samples import rehearse
from tests.slack.support.limits import texts
from tests.slack.support.runs import MIGRATION, RUNS, ctx
from tests.support.examples import REQUEST

TRANSLATOR = Translator(ENGLISH)
SAFE = MigrationFinding(
    "2025_add_token",
    MigrationRisk.SAFE,
    RiskReason.INSTANT,
    "user_sessions",
    seconds=Decimal("0.05"),
    down=DownMethod.YES,
    preview=True,
)
OK = Rehearsed(1, Decimal("0.20"), RehearsedRows.COPIED)


def plan(*findings: Finding) -> Plan:
    return replace(Plan(REQUEST, ()), pending=("m",), findings=findings)


def undoing(*findings: Finding) -> Plan:
    return replace(Plan(REQUEST, ()), undo=("m",), findings=findings)


def headline(*findings: Finding) -> str:
    return evidence.headline(plan(*findings), ctx())


def rows(
    table: str, deleted: int | None, changed: int | None, inserted: int | None = 0, of: RowsCounted = RowsCounted.ALL
) -> RowsChanged:
    return RowsChanged(table, 1000, None, deleted, changed, inserted, of)


def test_the_headline_says_the_gravest_risk_and_the_rehearsal() -> None:
    assert headline(OK, SAFE, replace(SAFE, risk=MigrationRisk.DESTRUCTIVE)) == (
        "🔴 *destructive* · 🎭 rehearsed on a copy: 1 migration, 0.2\u00a0s, no errors"
    )
    assert headline() == ""


@pytest.mark.parametrize(
    ("findings", "risk"),
    [
        ((OK, SAFE), "🟢 *safe*"),
        ((OK, replace(SAFE, risk=MigrationRisk.BLOCKING), replace(SAFE, risk=MigrationRisk.UNKNOWN)), "⚪ *cannot"),
        ((NotRehearsed(NotRehearsedReason.RECIPE),), "⚪ *cannot be known*"),
        ((NotRehearsed(NotRehearsedReason.RECIPE), SAFE), "⚪ *cannot be known*"),
        ((OK, SAFE, rows("users", 1, 0)), "🔴 *destructive*"),
        ((OK, SAFE, rows("users", None, 0)), "⚪ *cannot be known*"),
        ((UnknownFinding("rehearsal", {"outcome": "of_tomorrow"}), SAFE), "⚪ *cannot be known*"),
    ],
)
def test_the_gravest_risk_is_that_of_all_evidence(findings: tuple[Finding, ...], risk: str) -> None:
    assert headline(*findings).startswith(risk)


@pytest.mark.parametrize("risk", list(MigrationRisk))
def test_every_risk_has_a_word(risk: MigrationRisk) -> None:
    assert TRANSLATOR.has(f"risk.{risk.value}")


@pytest.mark.parametrize("effect", sorted(DESTROYS))
def test_everything_that_destroys_has_a_reason(effect: str) -> None:
    assert TRANSLATOR.has(f"risk.why.{effect}")


@pytest.mark.parametrize("effect", sorted(BREAKS_OLD_CODE))
def test_everything_that_old_code_cannot_live_with_is_said(effect: str) -> None:
    assert TRANSLATOR.has(f"effect.{effect}")


@pytest.mark.parametrize("reason", RiskReason)
def test_every_reason_of_a_risk_has_words(reason: RiskReason) -> None:
    assert TRANSLATOR.has(f"risk.why.{reason.value}")


@pytest.mark.parametrize(
    ("reason", "what", "said"),
    [
        (RiskReason.READ_ROWS_WROTE_NONE, "users", "it read rows of `users` of which the copy has only some"),
        (RiskReason.LOG_INCOMPLETE, "", "the log of what it ran is incomplete"),
        (RiskReason.SANDBOX_ONLY, "23000", "alone can cause: 23000"),
        (RiskReason.ROWS_LOST, "users", "rows of `users` were gone after it ran"),
        (RiskReason.ROWS_REWRITTEN, "", "rows were different after it ran"),
    ],
)
def test_the_reason_of_a_risk_is_said_in_words(reason: RiskReason, what: str, said: str) -> None:
    found = replace(SAFE, risk=MigrationRisk.UNKNOWN, reason=reason, what=what)
    [told] = evidence.migrations(plan(found), ctx())
    assert "    ⚪ *cannot be known* — " in told
    assert said in told


def test_what_is_rehearsed_behind_the_gate_is_not_rehearsed_yet() -> None:
    said = headline(NotRehearsed(NotRehearsedReason.AFTER_APPROVAL))
    assert "not rehearsed yet: it is rehearsed after approval" in said


@pytest.mark.parametrize("reason", [r for r in NotRehearsedReason if r is not NotRehearsedReason.AFTER_APPROVAL])
def test_every_reason_why_nothing_was_rehearsed_has_words(reason: NotRehearsedReason) -> None:
    assert len(headline(NotRehearsed(reason)).partition("not rehearsed: ")[2]) > 10


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (NotRehearsed(NotRehearsedReason.SCRATCH_OFF), "(`scratch: false`)"),
        (NotRehearsed(NotRehearsedReason.NOT_ON_BRANCH, "main"), "the commit is not on `main`"),
        (
            NotRehearsed(NotRehearsedReason.PACKAGES, package="acme/x", host="evil.example"),
            "its packages could not be downloaded: `acme/x` from `evil.example`",
        ),
        (NotRehearsed(NotRehearsedReason.PACKAGES, "no network"), "its packages could not be downloaded: no network"),
        (
            NotRehearsed(NotRehearsedReason.STOPPED, limit=SandboxLimit.MEMORY),
            "the sandbox stopped it: it needed too much memory",
        ),
        (NotRehearsed(NotRehearsedReason.STOPPED), "not rehearsed: the sandbox stopped it"),
        (
            NotRehearsed(NotRehearsedReason.VERSION, "live is 10.11"),
            "no server of the live server's kind and series: live is 10.11",
        ),
        (NotRehearsed(NotRehearsedReason.TOOLS, "bwrap <!here>"), "on the host: bwrap &lt;!here&gt;"),
    ],
)
def test_a_rehearsal_that_was_not_possible_says_why(found: NotRehearsed, said: str) -> None:
    assert said in headline(found, SAFE)


def test_every_obstacle_of_a_sandbox_is_a_reason() -> None:
    assert {obstacle.value for obstacle in Obstacle} <= {reason.value for reason in NotRehearsedReason}


@pytest.mark.parametrize("limit", SandboxLimit)
def test_every_limit_of_the_sandbox_has_words(limit: SandboxLimit) -> None:
    assert TRANSLATOR.has(f"rehearsal.limit.{limit.value}")


BACKED = replace(
    OK, rows=RehearsedRows.BACKUP, backup="B-20261116-7K3F9Q", made_at=datetime(2026, 11, 16, 3, tzinfo=UTC), age=7500
)
SANDBOXED = replace(OK, where=RehearsedWhere.SANDBOX)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (BACKED, "rehearsed on the data of backup `B-20261116-7K3F9Q` (<!date^"),
        (BACKED, ", 2\u00a0h 5\u00a0min old): 1 migration, 0.2\u00a0s, no errors"),
        (
            replace(OK, no_data=NoBackupData.NO_BACKUP),
            "no errors ⚠️ not on the data of a backup: there is no backup of the whole database",
        ),
        (
            replace(OK, no_data=NoBackupData.SPACE, no_data_detail="<!here>"),
            "not enough disk space for it: &lt;!here&gt;",
        ),
        (replace(OK, rows=RehearsedRows.NONE), "(its tables were empty, so times mean little)"),
        (SANDBOXED, "🎭 rehearsed in the sandbox on a copy: 1 migration, 0.2\u00a0s, no errors"),
        (
            replace(SANDBOXED, rows=RehearsedRows.SAMPLE, sample_rows=1000),
            "rehearsed in the sandbox on the first 1,000 rows of each table: 1 migration",
        ),
        (replace(SANDBOXED, rows=RehearsedRows.SAMPLE), "in the sandbox on the first rows of each table: "),
        (replace(OK, where=RehearsedWhere.SCRATCH_SERVER), "rehearsed on a copy at the scratch server: 1 migration"),
        (replace(OK, where=RehearsedWhere.BESIDE_LIVE), "no errors · ⚠️ its code ran with production's rights"),
    ],
)
def test_where_it_ran_and_on_what_is_said(found: Rehearsed, said: str) -> None:
    assert said in headline(found, SAFE)


@pytest.mark.parametrize("where", RehearsedWhere)
@pytest.mark.parametrize("held", RehearsedRows)
def test_every_place_and_every_kind_of_rows_has_words(where: RehearsedWhere, held: RehearsedRows) -> None:
    assert "rehearsed" in headline(replace(OK, where=where, rows=held), SAFE)


@pytest.mark.parametrize("why", NoBackupData)
def test_every_reason_why_the_data_of_a_backup_was_not_had_has_words(why: NoBackupData) -> None:
    assert TRANSLATOR.has(f"rehearsal.no_data.{why.value}")


SAMPLE = RowsCounted.SAMPLE
SOME_LOST = rows("users", 286, 0)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ((rows("users", 286, 0),), ["🗑️ *286 rows of `users` would be deleted*"]),
        ((rows("users", 1, 0),), ["🗑️ *1 row of `users` would be deleted*"]),
        ((rows("users", 0, 12000),), ["✏️ *12,000 rows of `users` would be changed*"]),
        (
            (rows("users", 2, 1),),
            ["🗑️ *2 rows of `users` would be deleted*", "✏️ *1 row of `users` would be changed*"],
        ),
        ((rows("users", 286, 0, of=SAMPLE),), ["🗑️ *Of the first 1,000 rows of `users`, 286 would be deleted*"]),
        ((rows("users", 0, 5, of=SAMPLE),), ["✏️ *Of the first 1,000 rows of `users`, 5 would be changed*"]),
        (
            (replace(rows("users", 5, 0, of=SAMPLE), before=None),),
            ["🗑️ *Of the first rows of `users`, 5 would be deleted*"],
        ),
        ((rows("users", None, 0),), ["❔ How many rows of `users` would be deleted is not known"]),
        ((rows("users", 0, None),), ["❔ How many rows of `users` would be changed is not known"]),
        ((rows("users", None, None),), ["❔ What happens to the rows of `users` is not known"]),
        (
            (rows("users", 3, None),),
            ["🗑️ *3 rows of `users` would be deleted*", "❔ How many rows of `users` would be changed is not known"],
        ),
        ((rows("users", 0, 0, 5),), ["➕ 5 rows of `users` would be added"]),
        ((rows("users", 0, 0, None),), []),
        (
            (rows("a", 0, 0, 5), rows("b", 0, 7), rows("c", None, 0), rows("d", 2, 0), rows("e", 90, 0)),
            [
                "🗑️ *90 rows of `e` would be deleted*",
                "🗑️ *2 rows of `d` would be deleted*",
                "✏️ *7 rows of `b` would be changed*",
                "❔ How many rows of `c` would be deleted is not known",
                "➕ 5 rows of `a` would be added",
            ],
        ),
    ],
)
def test_what_becomes_of_rows_is_said_with_its_number_the_gravest_first(
    found: tuple[RowsChanged, ...], said: list[str]
) -> None:
    assert list(data_changes.data_changes(plan(*found), ctx())) == said
    grave = [line for line in said if not line.startswith("➕")]
    assert list(data_changes.lost_rows(plan(*found), ctx())) == grave


@pytest.mark.parametrize(("deleted", "changed"), [(500, 0), (0, 3)])
def test_a_way_back_that_brings_no_rows_back_says_so(deleted: int, changed: int) -> None:
    assert details(WayBack(WayBackState.EXACT), rows("users", deleted, changed)) == [
        "⚠️ The way back was rehearsed: it restores the schema exactly, but *not the rows*; only the backup has them."
    ]


def test_of_many_tables_the_gravest_are_said() -> None:
    many = tuple(rows(f"t{number}", number, 0) for number in range(1, 41))
    told = data_changes.data_changes(plan(*many), ctx())
    assert (told[0], told[-1], len(told)) == ("🗑️ *40 rows of `t40` would be deleted*", "_and 32 more_", 9)


def details(*findings: Finding) -> list[str]:
    return [line for line in rehearsal.rehearsal_details(plan(*findings), ctx()) if line]


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (WayBack(WayBackState.EXACT), ["↩️ The way back was rehearsed: it restores the schema exactly."]),
        (
            WayBack(WayBackState.DIFFERS, ("- users.fax text NULL", "+ users index a (b)")),
            [
                "⚠️ *The way back was rehearsed: it does not bring everything back.*",
                "```\n- users.fax text NULL\n+ users index a (b)\n```",
            ],
        ),
        (
            WayBack(WayBackState.FAILED, ("SQLSTATE 42S02",)),
            ["⚠️ *The way back was rehearsed, and failed.*", "```\nSQLSTATE 42S02\n```"],
        ),
        (WayBack(WayBackState.NONE), ["⚠️ There is no way back: nothing says how to undo it."]),
        (WayBack(WayBackState.NOT_REHEARSED), ["❔ The way back was not rehearsed."]),
        (replace(SANDBOXED, preparing=Decimal("2.31")), ["⏱️ Preparing the rehearsal took 2.3\u00a0s."]),
        (SANDBOXED, []),
        (
            NotRehearsed(NotRehearsedReason.TOOLS, remedy=("apt-get install -y bubblewrap", "sysctl --system")),
            [
                "An administrator of the host makes a rehearsal possible:\n"
                "```\napt-get install -y bubblewrap\nsysctl --system\n```"
            ],
        ),
        (
            SandboxLack(LackKind.ADDRESS, "10.0.0.5"),
            [
                "The throwaway server could not answer at `10.0.0.5`, only at loopback and names: "
                "what connects to that address failed."
            ],
        ),
        (
            SandboxLack(LackKind.READS),
            ["Whether it read files outside of the application could not be seen on this host."],
        ),
        (NotRehearsed(NotRehearsedReason.NEVER), []),
    ],
)
def test_what_else_the_rehearsal_showed_is_said_below(found: Finding, said: list[str]) -> None:
    assert details(found) == said


def test_of_a_long_way_back_the_first_lines_are_shown() -> None:
    [_, block] = details(WayBack(WayBackState.DIFFERS, tuple(f"- t.c{number}" for number in range(30))))
    assert "- t.c11\n… 18\n" in block


@pytest.mark.parametrize("attempt", AttemptKind)
def test_what_was_tried_from_the_sandbox_is_a_warning_to_approvers(attempt: AttemptKind) -> None:
    [told, _] = rehearsal.attempts(plan(SandboxAttempt(attempt, "10.0.0.5:6379")), ctx())
    assert told.startswith("⚠️ *It tried to reach ")
    assert told.endswith(":* `10.0.0.5:6379`")
    many = rehearsal.attempts(plan(*[SandboxAttempt(attempt, "x")] * 40), ctx())
    assert (len(many), many[-1]) == (6, "_and 35 more_")


def test_approvers_read_what_is_lost_and_what_was_tried_in_the_request_itself() -> None:
    waiting = RUNS["awaiting_approval"]
    assert waiting.plan is not None
    lost, tried = SOME_LOST, SandboxAttempt(AttemptKind.NETWORK, "10.0.0.5:6379")
    found = replace(waiting, plan=waiting.plan.sealed((SANDBOXED, SAFE, lost, tried)))
    told = render(found, ctx())
    for slot in ("plan", "approval"):
        said = str(told[slot].blocks)
        assert "🗑️ *286 rows of `users` would be deleted*" in said
        assert "⚠️ *It tried to reach the network:* `10.0.0.5:6379`" in said
        assert "🔴 *destructive* · 🎭 rehearsed in the sandbox" in said


def test_a_migration_without_a_way_back_is_marked() -> None:
    [told] = evidence.migrations(plan(replace(SAFE, down=DownMethod.MISSING)), ctx())
    assert "no `down()`" in told


def test_what_a_migration_destroys_its_down_does_not_bring_back() -> None:
    destructive = replace(SAFE, risk=MigrationRisk.DESTRUCTIVE, reason=RiskReason.ROWS_LOST)
    [told] = evidence.migrations(plan(destructive), ctx())
    assert "does not bring the data back" in told
    [told] = evidence.migrations(undoing(destructive), ctx())
    assert "bring the data back" not in told


def test_hostile_sql_mentions_nobody_and_stays_in_its_block() -> None:
    sql = "ALTER TABLE `x` ADD c INT DEFAULT '```<!channel> @here'" + "y" * 5000
    found = StatementFinding("m", 1, sql, table="x", rows=5000, bytes=1000, online=Online.COPY, writes_wait=True)
    told = evidence.other_statements(plan(*[found] * 300), ctx())
    assert "<!channel>" not in told
    assert "@here" not in told
    assert len(told) <= 3000
    assert told.count("```") % 2 == 0


def test_a_statement_that_ran_often_says_so() -> None:
    told = evidence.other_statements(plan(StatementFinding("m", 1, "UPDATE users SET a = ?", times=1200)), ctx())
    assert told.startswith("ran 1,200 times\n")


def test_the_diff_and_what_breaks_are_told() -> None:
    change = SchemaChange("users", ("- users.fax varchar(20)", "+ users.mail varchar(100)"))
    told = evidence.changes(plan(change, OldCode("m", EffectKind.COLUMN_DROPPED, "users.fax")), ctx())
    assert "- users.fax" in told[0]
    assert "users.fax" in told[1]


def test_while_it_migrates_the_progress_tells_which_one_and_the_time_of_the_rehearsal() -> None:
    running = RUNS["running"]
    assert running.plan is not None
    took = replace(SAFE, name=MIGRATION, seconds=Decimal("1.50"))
    for rows, told in (
        (RehearsedRows.COPIED, ("2.5\u00a0s in the rehearsal", "(1 of 1) · 1.5\u00a0s on the copy")),
        (RehearsedRows.NONE, ("(1 of 1)",)),
    ):
        rehearsed = replace(OK, seconds=Decimal("2.50"), rows=rows)
        plan = replace(running.plan, findings=(rehearsed, took))
        shown = "\n".join(texts(render(replace(running, plan=plan), ctx())["progress"].blocks))
        assert f"↳ `{MIGRATION}`" in shown
        assert all(part in shown for part in told)
        assert ("rehearsal" in shown) == (rows is RehearsedRows.COPIED)


@pytest.mark.parametrize(("found", "said"), [(OK, True), (NotRehearsed(NotRehearsedReason.OTHER_CONNECTION), False)])
def test_code_that_ran_with_production_s_rights_is_said_to_have(found: Finding, said: bool) -> None:
    act = rehearse(Direction.UP, "compte_countersign_rehearsal_7k3f9q", None)
    step = Step("rehearse", "Rehearse", Phase.PREPARE, ("web1",), Risk.READS, 60, act)
    told = evidence.headline(replace(plan(found, SAFE), steps=(step,)), ctx())
    assert ("ran with production's rights" in told) is said


def test_nothing_is_said_of_rights_where_nothing_ran() -> None:
    told = headline(NotRehearsed(NotRehearsedReason.NEVER), replace(SAFE, risk=MigrationRisk.UNKNOWN))
    assert told == "⚪ *cannot be known* · not rehearsed: the policy says `rehearsal: never`"
