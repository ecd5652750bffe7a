"""What `runs` shows at 80 and at 40 columns."""

from __future__ import annotations

import io
import time
from dataclasses import replace
from datetime import timedelta

import pytest
from rich.cells import cell_len
from rich.console import Console, RenderableType

from bot.console import run_view
from bot.console.run_text import problem_sentence, took
from bot.domain.errors import Problem, Reason
from bot.domain.runs.run import RunState, StepState
from tests.console.support.samples import FAILED, NOW, SUCCEEDED, history


@pytest.fixture(autouse=True)
def in_utc(monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def printed(renderable: RenderableType, width: int) -> list[str]:
    stream = io.StringIO()
    Console(file=stream, width=width, highlight=False, markup=False).print(renderable)
    return [line.rstrip() for line in stream.getvalue().splitlines()]


def shown(width: int) -> list[str]:
    return printed(run_view.whole(FAILED, "0123456789abcdef", history(), NOW), width)


@pytest.mark.parametrize("width", [40, 80, 120])
def test_no_line_is_wider_than_the_terminal(width):
    for line in [*shown(width), *printed(run_view.list_of((FAILED, SUCCEEDED), NOW, width), width)]:
        assert cell_len(line) <= width


@pytest.mark.parametrize("width", [40, 80])
def test_nothing_is_lost_on_a_narrow_terminal(width):
    words = "".join(shown(width)).replace(" ", "")
    for expected in (
        "R-7K3F9Q", "!needshuman", "/deploycompteproduction", "0123456789ab…", "commitaaaaaaa,1newcommit",
        "2025_11_16_074003_add_token_id_to_user_sessions_table", "bytes:48123", "notneeded:Buildassets(assetschanged)",
        "approved:1of1fromreleasers", "✓U0BOB", "U0AMELIEdoesnotcount:isrequester", "web2(attempt2)", "4.0s",
        "SQLSTATE[42S21]", "·Askthesite", "maintenance:on", "07:40:43gateapprovedbyU0BOB",
    ):  # fmt: skip
        assert expected in words


def test_steps_at_80_columns():
    lines = shown(80)
    start = lines.index("STEPS")
    assert lines[start + 1 : start + 10] == [
        "  prepare",
        "  ✓ Look at the host web1                                                  0.4 s",
        "  ✓ Back up the database web1                                               14 s",
        "    bytes: 48123",
        "  change",
        "  ✓ Maintenance on                                                         3.0 s",
        "    ✓ web1                                                                 1.2 s",
        "    ✓ web2 (attempt 2)                                                     3.0 s",
        "  ✗ Run the migrations web1                                                4.0 s",
    ]


def test_list_at_both_widths():
    runs = (FAILED, SUCCEEDED)
    assert printed(run_view.list_of(runs, NOW, 80), 80) == [
        "RUN       STATE          WHAT                            TOOK  ASKED",
        "R-7K3F9Q  ! needs human  deploy compte production  5 min 00 s  2026-11-16 07:40",
        "R-000001  ✓ succeeded    deploy compte production  1 min 05 s  2026-11-16 07:40",
    ]
    assert printed(run_view.list_of(runs, NOW, 40), 40)[:3] == [
        "R-7K3F9Q ! needs human",
        "  deploy compte production",
        "  2026-11-16 07:40, 5 min 00 s",
    ]
    assert printed(run_view.list_of((), NOW, 80), 80) == ["no runs yet"]


def test_escapes_of_a_host_are_not_obeyed():
    assert "\x1b" not in "".join(shown(80))


@pytest.mark.parametrize("state", list(RunState))
def test_every_state_can_be_shown(state):
    assert state.value.replace("_", " ") in printed(run_view.whole(replace(FAILED, state=state), "d", (), NOW), 80)[1]


@pytest.mark.parametrize("state", list(StepState))
def test_every_state_of_a_step_can_be_shown(state):
    run = replace(FAILED, steps=(replace(FAILED.steps[0], state=state),))
    assert "Look at the host" in "\n".join(printed(run_view.whole(run, "d", (), NOW), 40))


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_has_words(reason):
    assert problem_sentence(Problem(reason)) == reason.value.replace("_", " ")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0 s"),
        (3.24, "3.2 s"),
        (9.96, "10 s"),
        (59.6, "1 min 00 s"),
        (125, "2 min 05 s"),
        (3720, "1 h 02 min"),
        (-1, "0.0 s"),
    ],
)
def test_durations(seconds, text):
    assert took(timedelta(seconds=seconds)) == text
