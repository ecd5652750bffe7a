"""Golden cards: what each snapshot looks like. Set UPDATE_GOLDEN=1 to write them anew, then read the difference."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from bot.domain.errors import Problem, Reason
from bot.domain.runs.approval import Ignored
from bot.domain.runs.basis import Basis
from bot.domain.runs.run import ENDS, Run, RunState, StepRow, StepState
from bot.playground.block_kit.blocks import Surface, check_blocks
from bot.slack.render.run_messages import render
from tests.slack.support.limits import broken, mentioned, texts
from tests.slack.support.runs import (
    AFTER,
    AMELIE,
    ANCHOR,
    DIGEST,
    MIGRATION,
    NEW,
    OLD,
    PASSWORD,
    PLAN,
    RUNS,
    ctx,
    shell,
)

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("name", RUNS)
def test_looks_as_it_should(name: str) -> None:
    told = {
        slot: {
            "text": message.text.splitlines(),
            "metadata": message.metadata,
            "blocks": [_readable(block) for block in message.blocks],
        }
        for slot, message in render(RUNS[name], ctx()).items()
    }
    text = json.dumps(told, indent=2, ensure_ascii=False) + "\n"
    # How a plan is written down is another room's matter.
    text = text.replace(DIGEST, "DIGEST").replace(DIGEST[:12], "DIGEST")
    file = GOLDEN / f"{name}.json"
    if os.environ.get("UPDATE_GOLDEN"):
        file.write_text(text)
    assert text == file.read_text()


def _readable(block: dict) -> list[str]:
    shown = [f"{block['type']}:"]
    for text in texts(block):
        shown += text.splitlines()
    return shown


@pytest.mark.parametrize("name", RUNS)
def test_slack_takes_it(name: str) -> None:
    for slot, message in render(RUNS[name], ctx()).items():
        assert broken(message) == [], slot
        assert check_blocks(list(message.blocks), Surface.MESSAGE) == [], slot


@pytest.mark.parametrize("name", RUNS)
def test_people_are_mentioned_only_when_they_must_decide_or_their_run_ended(name: str) -> None:
    for slot, message in render(RUNS[name], ctx()).items():
        if slot == "result" or slot == "turn":
            assert mentioned(message) == {f"@{AMELIE}"}
        elif slot == "watch":
            assert mentioned(message) == {f"@{AMELIE}", "@U0BOB", "@U0ONCALL"}
        elif slot.startswith("reminder:") and name == "owed":
            assert mentioned(message) == {"!subteam^S0RELEASE"}, "who has countersigned is left in peace"
        elif slot.startswith("reminder:") or (slot == "approval" and _waits(RUNS[name])):
            assert mentioned(message) == {"!subteam^S0RELEASE", "@U0BOB"}
        else:
            assert mentioned(message) == set(), slot


def _waits(run: Run) -> bool:
    return run.state is RunState.AWAITING_APPROVAL or (run.gate is not None and run.gate.owed)


def test_what_was_done_without_approval_is_announced_to_the_channel() -> None:
    assert render(RUNS["owed"], ctx())["approval"].announced
    assert not render(RUNS["awaiting_approval"], ctx())["approval"].announced


def test_metadata_is_as_the_contract_says() -> None:
    told = render(RUNS["succeeded"], ctx())
    assert list(told) == ["card", "progress", "plan", "approval", "result"]
    assert told["card"].metadata == {
        "event_type": "countersign_run",
        "event_payload": {
            "run": "R-7K3F9Q",
            "command": "deploy",
            "app": "compte",
            "environment": "production",
            "requested_by": AMELIE,
            "state": "succeeded",
        },
    }
    payloads = {slot: (message.event_type, dict(message.payload or {})) for slot, message in told.items()}
    assert payloads["plan"] == (
        "countersign_plan",
        {"run": "R-7K3F9Q", "plan": DIGEST, "sha": NEW, "pending": [MIGRATION]},
    )
    kind, approval = payloads["approval"]
    assert kind == "countersign_approval"
    assert approval | {"approved_by": None} == {
        "run": "R-7K3F9Q",
        "plan": DIGEST,
        "needed": 1,
        "given": 1,
        "state": "approved",
        "approved_by": None,
    }
    kind, progress = payloads["progress"]
    assert kind == "countersign_progress"
    assert progress["steps"][5] == {"key": "migrate", "title": "Migrate the database", "state": "done"}
    assert payloads["result"] == (
        "countersign_result",
        {
            "run": "R-7K3F9Q",
            "state": "succeeded",
            "seconds": 33.0,
            "backup": "B-20251117-7K3F9Q",
            "history": {"sequence": ANCHOR.sequence, "hash": ANCHOR.hash},
        },
    )


@pytest.mark.parametrize("name", RUNS)
def test_a_run_that_has_not_ended_can_be_cancelled_and_one_that_failed_can_be_retried(name: str) -> None:
    found = RUNS[name]
    card = render(found, ctx())["card"]
    actions = {
        element["action_id"] for block in card.blocks if block["type"] == "actions" for element in block["elements"]
    }
    assert ("run_cancel" in actions) == (found.state not in ENDS and name != "cancelling")
    assert ("run_retry" in actions) == (found.state in {RunState.FAILED, RunState.EXPIRED, RunState.CANCELLED})
    assert ("run_log" in actions) == any(row.state is not StepState.PENDING for row in found.steps)


def test_every_reason_to_ignore_an_emoji_has_a_sentence() -> None:
    for reason in Ignored:
        assert ctx().translator.has(f"notice.{reason}")


def test_a_site_that_stays_down_is_said_so() -> None:
    shown = "\n".join(texts(render(RUNS["needs_human"], ctx())["result"].blocks))
    assert "the site is down" in shown
    assert "half-migrated" in shown
    assert "B-20251117-7K3F9Q" in shown


@pytest.mark.parametrize("name", ["running", "needs_human"])
def test_what_a_host_prints_shows_as_it_is_but_mentions_nobody_and_tells_no_secret(name: str) -> None:
    printed = f"<!channel> <@U0VICTIM> @here ``` {PASSWORD} \x1b[31mred\x1b[0m a & b"
    steps = tuple(replace(row, tail=printed) if row.tail else row for row in RUNS[name].steps)
    progress = render(replace(RUNS[name], steps=steps), ctx())["progress"]
    shown = "\n".join(texts(progress.blocks))
    assert "&lt;!channel&gt; &lt;@U0VICTIM&gt; @\u200bhere ˋˋˋ *** red a &amp; b" in shown
    assert mentioned(progress) == set()


SERVICES = (
    shell("restart-php8.2-fpm", "Restart php8.2-fpm", hosts=("web1", "web2")),
    shell("restart-horizon", "Restart horizon", hosts=("web1", "web2")),
    shell("queue-restart", "Restart queue workers", hosts=("web1", "web2")),
)


def stopped_at_services(first: StepState, second: StepState, *, commit_is_live: bool = True) -> Run:
    """Give a run that stopped at its first service, of which both hosts are given."""
    checkout = shell("checkout", "Check out the approved commit", hosts=("web1", "web2"))
    basis = Basis({"commit": NEW, "checked out on web1": OLD, "checked out on web2": OLD})
    plan = replace(PLAN, steps=(checkout, *SERVICES), basis=basis)
    states = {"restart-php8.2-fpm": (first, second)}
    states["checkout"] = (StepState.DONE if commit_is_live else StepState.FAILED,) * 2
    rows = tuple(
        StepRow(at, step.key, step.title, step.phase, step.risk, place, state=state)
        for at, step in enumerate(plan.steps)
        for place, state in zip(step.places, states.get(step.key, (StepState.SKIPPED,) * 2), strict=True)
    )
    problem = Problem(Reason.EXIT_STATUS, {"title": "Restart php8.2-fpm", "host": "web2", "status": "1"})
    return replace(RUNS["needs_human"], state=RunState.FAILED, ended_at=AFTER, plan=plan, steps=rows, problem=problem)


def result_of(run: Run) -> str:
    return "\n".join(text for block in render(run, ctx())["result"].blocks for text in texts(block))


def test_the_services_that_still_run_the_code_of_before_are_named() -> None:
    shown = result_of(stopped_at_services(StepState.DONE, StepState.FAILED))
    assert "*Not restarted:* php8.2-fpm (web2), horizon, queue workers. The old code is still running there" in shown
    assert "May not have been restarted" not in shown


def test_a_service_of_which_nobody_knows_is_not_called_old() -> None:
    shown = result_of(stopped_at_services(StepState.DONE, StepState.UNKNOWN))
    assert "*Not restarted:* horizon, queue workers." in shown
    assert "*May not have been restarted:* php8.2-fpm (web2). The old code may still be running there." in shown


def test_no_service_is_named_where_the_commit_is_not_live_or_another_run_went_on() -> None:
    assert "Not restarted" not in result_of(
        stopped_at_services(StepState.SKIPPED, StepState.SKIPPED, commit_is_live=False)
    )
    run = stopped_at_services(StepState.DONE, StepState.FAILED)
    assert run.problem is not None
    went_on = replace(run.problem, facts={**run.problem.facts, "successor": "R-AAAAAA"})
    assert "Not restarted" not in result_of(replace(run, problem=went_on))
    assert "Not restarted" not in result_of(replace(run, state=RunState.SUCCEEDED, problem=None))


@pytest.mark.parametrize("name", RUNS)
def test_no_section_may_be_folded(name: str) -> None:
    for slot, message in render(RUNS[name], ctx()).items():
        assert all(block["expand"] for block in message.blocks if block["type"] == "section"), slot


@pytest.mark.parametrize("name", RUNS)
def test_the_text_alone_mentions_whom_the_blocks_mention(name: str) -> None:
    for slot, message in render(RUNS[name], ctx()).items():
        assert mentioned(replace(message, blocks=())) == mentioned(message), slot


def test_the_text_of_a_request_says_what_who_until_when_and_how() -> None:
    plan = replace(PLAN, destructive=True)
    text = render(replace(RUNS["awaiting_approval"], plan=plan), ctx())["approval"].text.splitlines()
    assert text[0] == "1 approval needed to deploy compte production (R-7K3F9Q)"
    rest = "\n".join(text[1:])
    assert all(
        part in rest
        for part in ("1 migration to run", "drop", "the site down", "<@U0BOB>", ":white_check_mark:", ":x:", "<!date^")
    ), rest
    assert rest.index("<@U0BOB>") < rest.index(":white_check_mark:")
