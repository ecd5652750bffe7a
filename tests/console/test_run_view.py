"""What `runs` shows at 80 and at 40 columns: the list, one run on one screen, and every detail."""

from __future__ import annotations

import io
import json
import re
import time
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from rich.cells import cell_len
from rich.console import Console, RenderableType

from bot.console import run_view
from bot.console.people_names import PeopleNames, names_from
from bot.console.run_list import list_of
from bot.console.run_summary import summary_of
from bot.console.run_text import problem_sentence, remedy_sentence, took, took_briefly
from bot.console.words import ENGLISH, Words
from bot.domain.errors import Problem, Reason, problem
from bot.domain.inbox import Event, EventKind
from bot.domain.language import Language
from bot.domain.runs.plan import Phase
from bot.domain.runs.run import Run, RunState, StepState
from tests.console.support.samples import AT, FAILED, NOW, SECRET, SUCCEEDED, history

NAMES = PeopleNames({"U0AMELIE": "amelie"}, {"C0OPS": "ops"}, {"U0BOB": ("releasers",)})


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
    return printed(run_view.whole(FAILED, "0123456789abcdef", history(), NAMES, NOW), width)


def summarised(run: Run, width: int = 80) -> list[str]:
    return printed(summary_of(run, NAMES, NOW), width)


@pytest.mark.parametrize("width", [40, 80, 120])
def test_no_line_is_wider_than_the_terminal(width):
    for line in [*shown(width), *listed((FAILED, SUCCEEDED), width), *summarised(FAILED, width)]:
        assert cell_len(line) <= width


@pytest.mark.parametrize("width", [40, 80])
def test_nothing_is_lost_on_a_narrow_terminal(width):
    words = "".join(shown(width)).replace(" ", "")
    for expected in (
        "R-7K3F9Q", "!needsadecision", "requestedbyamelie",
        "/deploycompteproduction", "0123456789ab…", "commitaaaaaaa,1newcommit",
        "2025_11_16_074003_add_token_id_to_user_sessions_table", "bytes:48123", "notneeded:Buildassets(assetschanged)",
        "approved:1of1fromreleasers", "✓U0BOB(releasers)", "ameliedoesnotcount:isrequester", "web2(attempt2)", "4.0s",
        "SQLSTATE[42S21]", "·Askthesite", "maintenance:on", "07:40:43gateapprovedbyU0BOB(releasers)",
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


def listed(runs: tuple[Run, ...], width: int, now: datetime = NOW) -> list[str]:
    return printed(list_of(runs, NAMES, now, width), width)


def test_list_at_both_widths():
    runs = (FAILED, SUCCEEDED)
    assert listed(runs, 80) == [
        "RUN       STATE               WHAT                      WHO     WHEN, UTC   TOOK",
        "R-7K3F9Q  ! needs a decision  deploy compte production  amelie  07:40      5 min",
        "R-000001  ✓ nothing to do     deploy compte production  amelie  07:40      1 min",
    ]
    assert listed(runs, 40)[:3] == [
        "R-7K3F9Q ! needs a decision",
        "  deploy compte production",
        "  amelie, 07:40 UTC, 5 min",
    ]
    assert listed((), 80) == ["no runs yet"]


def test_the_list_and_one_screen_in_french():
    names = replace(NAMES, words=Words(Language.FRENCH))
    assert printed(list_of((FAILED, SUCCEEDED), names, NOW, 80), 80)[:2] == [
        "ID        ÉTAT                COMMANDE                  PAR     DATE, UTC  DURÉE",
        "R-7K3F9Q  ! décision requise  deploy compte production  amelie  07:40      5 min",
    ]
    screen = "\n".join(printed(summary_of(FAILED, names, NOW + timedelta(days=2)), 80)).replace("\u00a0", " ")
    for said in (
        "décision requise, depuis",
        "demandé par amelie dans #ops, le 16 nov. 2026 07:40 UTC, il y a 2 jours",
        "commit aaaaaaa, 1 nouveau commit, 1 migration",
        "approbation : donnée, 1 sur 1 de releasers, par U0BOB (releasers)",
        "préparation : 2 sur 2 étapes",
        "vérification : 0 sur 1 étape",
        "Détails : countersign runs show R-7K3F9Q --verbose",
    ):
        assert said in screen, screen
    english = "\n".join(summarised(FAILED))
    assert not [word for word in ("approval", "requested", "steps", "needs", "More") if word in screen]
    assert "approval" in english


@pytest.mark.parametrize(("later", "when"), [(2, "Mon 07:40"), (30, "16 Nov"), (400, "Nov 2026")])
def test_the_list_has_the_day_of_what_is_not_of_today(later, when):
    assert when in listed((SUCCEEDED,), 80, AT + timedelta(days=later))[1]


def test_one_screen():
    assert summarised(FAILED) == [
        "R-7K3F9Q  deploy compte production",
        "! needs a decision, for 5 min 00 s",
        problem_sentence(FAILED.problem),
        "Its last lines are in the thread; the log has all of them. Fix the cause, then",
        "run the command again.",
        "requested by amelie in #ops, 16 Nov 2026 07:40 UTC",
        "/deploy compte production",
        "commit aaaaaaa, 1 new commit, 1 migration",
        "  2025_11_16_074003_add_token_id_to_user_sessions_table",
        "approval: approved, 1 of 1 from releasers, by U0BOB (releasers)",
        "",
        "✓ prepare: 2 of 2 steps                                                     15 s",
        "✗ change: 1 of 2 steps                                                     9.0 s",
        "  ✗ Run the migrations web1                                                4.0 s",
        "    │ Migrating: add_token_id",
        f"    │ SQLSTATE[42S21]: password {SECRET} [bold]",
        "· verify: 0 of 1 step",
        "",
        "More: countersign runs show R-7K3F9Q --verbose, countersign runs log R-7K3F9Q",
    ]


def large(run: Run) -> Run:
    """Give a run that has as much of everything as there can be."""
    assert run.plan is not None
    words = "needs a great many words " * 40
    found = problem(Reason.EXIT_STATUS, step=words, status="1", detail=words, title=words, last=words)
    rows = tuple(
        replace(
            run.steps[3],
            position=number,
            key=f"s{number}-{phase.value}",
            title=words,
            phase=phase,
            place=f"{host}-{'long' * 30}",
            attempt=3,
            tail="line after line\n" * 50 + words,
            problem=found,
        )
        for number, phase in enumerate(phase for phase in Phase for _ in range(20))
        for host in ("web1", "web2", "web3")
    )
    plan = replace(run.plan, pending=tuple(f"{number}_{words}" for number in range(60)), commit_count=2000)
    asked = replace(
        run.request, origin=replace(run.request.origin, user="console:" + words, channel=words), typed=words
    )
    votes = tuple(replace(run.votes[0], user=f"U{number}") for number in range(40))
    return replace(run, steps=rows, plan=plan, request=asked, votes=votes, problem=found, cancelled_by="U0AMELIE")


@pytest.mark.parametrize("state", list(RunState))
def test_every_run_fits_a_screen(state):
    for run in (FAILED, large(FAILED)):
        lines = summarised(replace(run, state=state))
        # The command above and the prompt below have a line each.
        assert len(lines) <= 22, "\n".join(lines)
        assert lines[-1].startswith("More: ")


def test_escapes_of_a_host_are_not_obeyed():
    assert "\x1b" not in "".join([*shown(80), *summarised(FAILED)])


@pytest.mark.parametrize("state", list(StepState))
def test_every_state_of_a_step_can_be_shown(state):
    run = replace(FAILED, steps=(replace(FAILED.steps[0], state=state),))
    assert "Look at the host" in "\n".join(printed(run_view.whole(run, "d", (), NAMES, NOW), 40))


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_has_words(reason):
    sentence = problem_sentence(Problem(reason))
    assert sentence.endswith(".") or reason in {Reason.REJECTED}
    assert not re.search(r"[`*{}]|<[@#!]", sentence + remedy_sentence(Problem(reason)))


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


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (59, "59 s"), (125, "2 min"), (7300, "2 h"), (200_000, "2 d")]
)
def test_durations_in_a_list(seconds, text):
    assert took_briefly(timedelta(seconds=seconds)) == text


@pytest.mark.parametrize(
    ("days", "briefly", "age"),
    [
        (0, "07:40", ""),
        (0.25, "07:40", ", 6 hours ago"),
        (1, "Mon 07:40", ", 1 day ago"),
        (15, "16 Nov", ", 2 weeks ago"),
        (70, "16 Nov", ", 2 months ago"),
        (800, "Nov 2026", ", 2 years ago"),
        (-1, "07:40", ""),
    ],
)
def test_times_and_ages(days, briefly, age):
    now = AT + timedelta(days=days)
    assert ENGLISH.when_briefly(AT, now) == briefly
    assert ENGLISH.when_and_age(AT, now) == f"16 Nov 2026 07:40 UTC{age}"


def test_names_come_from_what_slack_sent_and_from_the_lists():
    def event(payload: object) -> Event:
        return Event("E1", EventKind.COMMAND, json.dumps({"at": "", "payload": payload}))

    events = [
        event({"user_id": "U0AMELIE", "user_name": "amelie", "channel_id": "C0OPS", "channel_name": "ops"}),
        event({"user": {"id": "U0NOOR", "name": "noor"}, "channel": {"id": "C1", "name": "side"}}),
        event({"user_id": "U1", "channel_id": "C0OPS", "channel_name": "privategroup"}),
        event(["odd"]),
        Event("E2", EventKind.BUTTON, "no JSON"),
    ]
    people = {"engineers": ["U0AMELIE", "U0BOB"], "releasers": ["U0BOB", 3], "odd": "U0BOB"}
    names = names_from(events, people)
    assert [names.person(each) for each in ("U0AMELIE", "U0NOOR", "U0BOB", "U1", "schedule", "console:root")] == [
        "amelie",
        "noor",
        "U0BOB (engineers, releasers)",
        "U1",
        "the schedule",
        "root on the bot's machine",
    ]
    assert [names.channel(each) for each in ("C0OPS", "C1", "C2")] == ["#ops", "#side", "C2"]
    assert names_from([], None).person("U0BOB") == "U0BOB"
