# ruff: noqa: E501 - a table reads best with one case a line
from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.errors import Problem, Reason, problem
from bot.domain.runs.run import RunState
from bot.slack.render import markup
from bot.slack.render.builtin_catalog import ENGLISH
from bot.slack.render.text import Translator, fill

TRANSLATOR = Translator(ENGLISH)


@pytest.mark.parametrize("reason", Reason)
def test_each_reason_says_what_was_wrong_what_would_be_right_and_what_was_not_done(reason: Reason) -> None:
    explanation = ENGLISH.reasons[reason]
    assert explanation.wrong
    assert explanation.right
    assert explanation.not_done


@pytest.mark.parametrize("reason", Reason)
def test_a_reason_without_any_fact_is_still_readable(reason: Reason) -> None:
    told = TRANSLATOR.refusal_text(Problem(reason))
    assert not re.search(r"[{}\[\]]|\s[.,]", told)


@pytest.mark.parametrize("reason", Reason)
def test_hostile_facts_mention_nobody(reason: Reason) -> None:
    template = ENGLISH.reasons[reason]
    names = set(re.findall(r"\{([a-z_]+)\}", template.wrong + template.right + template.not_done))
    hostile = dict.fromkeys(names - {"channels"}, "<!channel> @here `<@U0BOB>`\n*x*")
    told = TRANSLATOR.refusal_text(Problem(reason, hostile))
    assert "<!" not in told
    assert "<@" not in told
    assert "@here" not in told


@pytest.mark.parametrize("state", RunState)
def test_each_state_has_words(state: RunState) -> None:
    assert TRANSLATOR.has(f"state.{state}")


@pytest.mark.parametrize(
    ("found", "wrong"),
    [
        (problem(Reason.EXIT_STATUS, title="Migrate", host="web1", status="1"), "*Migrate* ended with exit status 1 on `web1`."),
        (problem(Reason.EXIT_STATUS, status="2"), "A step ended with exit status 2."),
        (problem(Reason.TIMED_OUT, title="Migrate", host="web1", seconds="600"), "*Migrate* took longer than 10\u00a0min on `web1` and was stopped."),
        (problem(Reason.UNKNOWN_ENVIRONMENT, app="compte"), "`compte` has no such environment."),
        (problem(Reason.UNKNOWN_ENVIRONMENT, app="compte", environment="prod"), "`compte` has no environment `prod`."),
        (problem(Reason.DISK_FULL, host="web1", path="/var/www", free="1024", needs="204800"), "The disk of `web1` is too full: 1.0\u00a0MB free at `/var/www`, 200.0\u00a0MB needed."),
        (problem(Reason.REJECTED, by="Bob"), "The run was rejected by Bob."),
        (problem(Reason.BLOCKED_BY_SESSIONS, user="compte", detail="Lock wait timeout"), "Other database sessions are blocking: Lock wait timeout."),
        (problem(Reason.BLOCKED_BY_SESSIONS, statement="alter table t", waited="15", session="42", user="report", seconds="912", query=""), "A statement waited 15\u00a0s for a lock and was ended, so it changed nothing: `alter table t`. Most likely blocked by session 42 of `report`, open for 15\u00a0min 12\u00a0s, idle right now."),
        (problem(Reason.BLOCKED_BY_SESSIONS, statement="alter table t", waited="15", session="42", user="report", seconds="9", query="select 1", others="2"), "A statement waited 15\u00a0s for a lock and was ended, so it changed nothing: `alter table t`. Most likely blocked by session 42 of `report`, open for 9\u00a0s, running `select 1`; 2 more may be involved."),
        (problem(Reason.REJECTED, needed="2", given="1", withdrawn="yes"), "An approval was taken back before the first change: 1 of 2 were left."),
        (problem(Reason.NOT_FAST_FORWARD, ref="main", sha="a" * 40, head="b" * 40, host="web1"), "`main` (`aaaaaaa`) does not contain what is live now (`bbbbbbb`) on `web1`."),
        (problem(Reason.HOST_UNREACHABLE, host="web1", address="10.0.0.1", port="22", detail="refused"), "Host `web1` (10.0.0.1:22) cannot be reached: refused."),
    ],
)  # fmt: skip
def test_sentences(found: Problem, wrong: str) -> None:
    assert TRANSLATOR.problem_text(found) == wrong


def test_channels_are_links() -> None:
    assert "<#C0OPS>" in TRANSLATOR.remedy_text(problem(Reason.WRONG_CHANNEL, app="compte", channels="C0OPS,C0DEV"))


def test_optional_parts_nest_and_vanish_whole() -> None:
    assert fill("a[ b {x}[ c {y}]].", {"x": "1"}) == "a b 1."
    assert fill("a[ b {x}[ c {y}]].", {"x": "1", "y": "2"}) == "a b 1 c 2."
    assert fill("a[ b {x}[ c {y}]].", {"y": "2"}) == "a."


@given(st.text(max_size=200))
def test_any_text_is_safe_within_a_line(text: str) -> None:
    shown = markup.inline(text)
    assert "\n" not in shown
    assert "`" not in shown
    assert not re.search(r"[<>]|&(?!amp;|lt;|gt;)", shown)
    assert not re.search(r"@(here|channel|everyone)\b", shown)


@given(st.text(max_size=3000), st.integers(100, 3000))
def test_any_text_fits_into_a_code_block(text: str, limit: int) -> None:
    block = markup.code_block(text, limit)
    assert len(block) <= limit
    assert block.count("```") == 2
    assert not re.search(r"&(?!amp;|lt;|gt;)", block)


@pytest.mark.parametrize(
    "url", ["!channel", "@U0BOB", "#C0OPS", "<!channel>", "!subteam^S0REL", "javascript:x", "https:x"]
)
def test_what_is_no_page_on_the_web_becomes_no_link(url: str) -> None:
    assert markup.link(url, "build") == "build"


def test_a_link_stays_one_whatever_stands_in_its_url() -> None:
    url = "https://ci.example.com/<!channel>|here"
    assert markup.link(url, "<!here>") == "<https://ci.example.com/%3C!channel%3E%7Chere|&lt;!here&gt;>"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0\u00a0s"), (0.42, "0.4\u00a0s"), (9.96, "10\u00a0s"), (42.3, "42\u00a0s"), (59.6, "1\u00a0min"), (190, "3\u00a0min 10\u00a0s"), (7500, "2\u00a0h 5\u00a0min"), (-3, "0\u00a0s")],
)  # fmt: skip
def test_durations(seconds: float, text: str) -> None:
    assert TRANSLATOR.duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"), [(840, "840\u00a0B"), (12_897_485, "12.3\u00a0MB"), (3 << 40, "3.0\u00a0TB")]
)
def test_sizes(count: int, text: str) -> None:
    assert TRANSLATOR.size(count) == text


@pytest.mark.parametrize(
    ("stage", "right", "not_done"),
    [
        ("file", "Choose another one: ", "The live database is as it was."),
        ("refuted", "Choose another one: ", "The live database is as it was."),
        ("space", "Fix the cause above", "The live database is as it was."),
        ("half", "Check where the tables are before anything else", "*Live tables may not be where they belong.*"),
    ],
)
def test_what_is_right_after_a_restore_depends_on_where_it_failed(stage: str, right: str, not_done: str) -> None:
    found = problem(Reason.NOT_RESTORABLE, backup="B-1", stage=stage, detail="why")
    assert TRANSLATOR.problem_text(found) == "Backup `B-1` could not be restored: why."
    assert TRANSLATOR.remedy_text(found).startswith(right)
    assert TRANSLATOR.not_done_text(found) == not_done
