"""The evidence of migrations: the gravest word first, every code in a sentence, within a phone's patience."""

from dataclasses import replace

import pytest

from bot.databases.migrations.ddl import BREAKS_OLD_CODE, DESTROYS
from bot.domain.runs.acts import Direction
from bot.domain.runs.migration_risk import MigrationRisk
from bot.domain.runs.plan import Finding, Phase, Plan, Risk, Step
from bot.slack.render.builtin_catalog import ENGLISH
from bot.slack.render.cards.approval import evidence
from bot.slack.render.run_messages import render
from bot.slack.render.text import Translator
from tests.domain.support.plan_samples import rehearse
from tests.slack.support.runs import MIGRATION, RUNS, ctx
from tests.support.examples import REQUEST

TRANSLATOR = Translator(ENGLISH)
SAFE = {
    "name": "2025_add_token",
    "risk": "safe",
    "reason": "instant",
    "what": "user_sessions",
    "seconds": "0.05",
    "down": "yes",
}
OK = {"outcome": "ok", "migrations": "1", "seconds": "0.20", "rows": "copied"}


def plan(*findings: tuple[str, dict[str, str]]) -> Plan:
    return replace(Plan(REQUEST, ()), findings=tuple(Finding(kind, facts) for kind, facts in findings))


def test_the_headline_says_the_gravest_risk_and_the_rehearsal() -> None:
    found = plan(("rehearsal", OK), ("migration", SAFE), ("migration", SAFE | {"risk": "destructive"}))
    assert evidence.headline(found, ctx()) == (
        "🔴 *destructive* · 🎭 rehearsed on a copy: 1 migration, 0.2 s, no errors"
    )
    assert evidence.headline(plan(), ctx()) == ""


@pytest.mark.parametrize("risk", list(MigrationRisk))
def test_every_risk_has_a_word(risk: MigrationRisk) -> None:
    assert TRANSLATOR.has(f"risk.{risk.value}")


@pytest.mark.parametrize("effect", sorted(DESTROYS))
def test_everything_that_destroys_has_a_reason(effect: str) -> None:
    assert TRANSLATOR.has(f"risk.why.{effect}")


@pytest.mark.parametrize("effect", sorted(BREAKS_OLD_CODE))
def test_everything_that_old_code_cannot_live_with_is_said(effect: str) -> None:
    assert TRANSLATOR.has(f"effect.{effect}")


def test_a_rehearsal_that_was_not_possible_says_why() -> None:
    told = evidence.headline(
        plan(("rehearsal", {"outcome": "not_possible", "why": "scratch_off"}), ("migration", SAFE)), ctx()
    )
    assert "not rehearsed" in told
    assert "scratch: true" in told


def test_a_copy_without_rows_is_not_taken_for_more() -> None:
    assert "times mean little" in evidence.headline(
        plan(("rehearsal", OK | {"rows": "none"}), ("migration", SAFE)), ctx()
    )


BACKED = OK | {"rows": "backup", "backup": "B-20261116-7K3F9Q", "made_at": "2026-11-16T03:00:00+00:00", "age": "7500"}


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        (BACKED, "rehearsed on the data of backup `B-20261116-7K3F9Q` (<!date^"),
        (BACKED, ", 2 h 5 min old): 1 migration, 0.2 s, no errors"),
        (OK | {"no_data": "no_backup"}, "no errors ⚠️ not on the data of a backup: there is none of the whole database"),
        (OK | {"no_data": "space", "no_data_detail": "<!here>"}, "no room for it: &lt;!here&gt;"),
    ],
)
def test_whose_data_it_was_and_how_old_is_said_and_why_it_was_none(facts: dict[str, str], said: str) -> None:
    assert said in evidence.headline(plan(("rehearsal", facts), ("migration", SAFE)), ctx())


def test_a_migration_without_a_way_back_is_marked() -> None:
    [told, _] = evidence.migrations(plan(("migration", SAFE | {"down": "missing"})), ctx())
    assert "no `down()`" in told


def test_hostile_sql_mentions_nobody_and_stays_in_its_block() -> None:
    sql = "ALTER TABLE `x` ADD c INT DEFAULT '```<!channel> @here'" + "y" * 5000
    facts = {"sql": sql, "table": "x", "rows": "5000", "bytes": "1000", "online": "COPY", "writes_wait": "yes"}
    told = evidence.statements(plan(*[("statement", facts)] * 300), ctx())
    assert "<!channel>" not in told
    assert "@here" not in told
    assert len(told) <= 3000
    assert told.count("```") % 2 == 0


def test_the_diff_and_what_breaks_are_told() -> None:
    told = evidence.changes(
        plan(
            ("schema", {"table": "users", "lines": "- users.fax varchar(20)\n+ users.mail varchar(100)"}),
            ("old_code", {"effect": "column_dropped", "what": "users.fax", "migration": "m"}),
        ),
        ctx(),
    )
    assert "- users.fax" in told[0]
    assert "users.fax" in told[1]


def test_while_it_migrates_the_progress_tells_which_one_and_the_time_of_the_rehearsal() -> None:
    running = RUNS["running"]
    assert running.plan is not None
    took = [Finding("migration", SAFE | {"name": MIGRATION, "seconds": "1.50"})]
    for rows, told in (("copied", ("2.5 s in the rehearsal", "(1 of 1) · 1.5 s on the copy")), ("none", ("(1 of 1)",))):
        rehearsal = Finding("rehearsal", OK | {"seconds": "2.50", "rows": rows})
        plan = replace(running.plan, findings=(rehearsal, *took))
        shown = str(render(replace(running, plan=plan), ctx())["progress"].blocks)
        assert f"↳ `{MIGRATION}`" in shown
        assert all(part in shown for part in told)
        assert ("rehearsal" in shown) == (rows == "copied")


@pytest.mark.parametrize(
    ("facts", "said"), [(OK, True), ({"outcome": "not_possible", "why": "other_connection"}, False)]
)
def test_code_that_ran_with_production_s_rights_is_said_to_have(facts: dict[str, str], said: bool) -> None:
    act = rehearse(Direction.UP, "compte_countersign_rehearsal_7k3f9q", None)
    step = Step("rehearse", "Rehearse", Phase.PREPARE, ("web1",), Risk.READS, 60, act)
    found = replace(plan(("rehearsal", facts), ("migration", SAFE)), steps=(step,))
    assert ("ran with production's rights" in evidence.headline(found, ctx())) is said


def test_nothing_is_said_of_rights_where_nothing_ran() -> None:
    never = {"outcome": "not_possible", "why": "never"}
    told = evidence.headline(plan(("rehearsal", never), ("migration", SAFE | {"risk": "unknown"})), ctx())
    assert told == "⚪ *not previewed* · not rehearsed: the policy says `rehearsal: never`"
