"""The answer to `/migrate-status`: one sentence that answers the question, whatever stands behind it."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bot.domain.look import Ran, Session
from bot.domain.names import TargetName
from bot.domain.run import RunState
from bot.domain.status import MigrationStatus, PastRun, Standing
from bot.slack.cards.status_card import SHARE, status_card
from bot.slack.english import ENGLISH
from bot.slack.message import BLOCKS
from bot.slack.sentences import Sentences

SENTENCES = Sentences(ENGLISH)
AT = datetime(2026, 11, 16, 12, 0, tzinfo=UTC)
FINE = MigrationStatus(
    target=TargetName("compte", "production"),
    server="10.11.19-MariaDB",
    head="1" * 40,
    branch="main",
    branch_sha="2" * 40,
    ran=(Ran("2025_01_01_000000_create_users", 1),),
    pending_live=(),
    pending_branch=(),
    missing=(),
    blockers=(),
    sees_all_sessions=True,
    maintenance=(),
    free_kib=10_000_000,
    size_bytes=5_000_000,
)
NEW = ("2025_11_16_074003_add_token_id",)
IDLE = Session(7, "app<!channel>", 600, "SELECT `x` @here", waits=False)


def shown(status: MigrationStatus, **more: object) -> str:
    standing = Standing(status, None, None, "")
    return str(status_card(replace(standing, **more), SENTENCES).blocks)  # type: ignore[arg-type]  # by field name


@pytest.mark.parametrize(
    ("changes", "headline"),
    [
        ({}, "✅ The schema is up to date: 1 migration, none pending."),
        ({"pending_branch": NEW}, "🟡 1 migration waits on `main` for the next deploy."),
        ({"pending_live": NEW}, "🔴 The live code has 1 migration that did not run."),
        ({"pending_live": NEW * 2, "missing": NEW}, "🔴 The live code has 2 migrations that did not run."),
        ({"missing": NEW, "pending_branch": NEW}, "🟠 1 migration ran whose file is in no commit here."),
    ],
)
def test_the_first_sentence_answers_the_question(changes: dict[str, object], headline: str) -> None:
    card = status_card(Standing(replace(FINE, **changes), None, None, ""), SENTENCES)  # type: ignore[arg-type]
    assert card.text == headline
    assert headline in str(card.blocks[0])


def test_what_stands_in_the_way_mentions_nobody() -> None:
    text = shown(replace(FINE, blockers=(IDLE, replace(IDLE, waits=True))))
    assert "<!channel>" not in text
    assert "@here" not in text
    assert "10 min" in text


def test_a_user_who_may_not_see_others_is_not_told_that_all_is_clear() -> None:
    assert "Nothing stands in the way" in shown(FINE)
    assert "Nothing stands in the way" not in shown(replace(FINE, sees_all_sessions=False))


def test_what_is_remembered_is_told() -> None:
    past = PastRun("R-7K3F9Q", RunState.FAILED, AT, "1" * 40, "B-20261116-7K3F9Q")
    text = shown(replace(FINE, maintenance=("web1",)), last_deploy=past, last_backup=past, going="R-AAAAAA")
    for part in ("R-7K3F9Q", "❌", "B-20261116-7K3F9Q", "R-AAAAAA", "Maintenance is on"):
        assert part in text


def test_two_thousand_migrations_stay_within_slacks_limits() -> None:
    names = tuple(f"2025_01_01_{n:06}_" + "x" * 200 for n in range(2000))
    card = status_card(Standing(replace(FINE, pending_live=names, missing=names), None, None, ""), SENTENCES)
    assert len(card.blocks) <= BLOCKS
    assert all(len(block["text"]["text"]) <= 3000 for block in card.blocks if block["type"] == "section")


def test_what_is_shared_says_who_shared_it_and_cannot_be_shared_again() -> None:
    card = status_card(Standing(FINE, None, None, ""), SENTENCES, shared_by="U0ONCALL")
    assert "<@U0ONCALL>" in str(card.blocks)
    assert SHARE not in str(card.blocks)
    assert SHARE in shown(FINE)
