"""What other programs rely on of messages: metadata, states, buttons, at every point of a run's way."""

from __future__ import annotations

import pytest

from bot.domain.runs.approval import GateState
from bot.domain.runs.run import RunState, StepState
from bot.slack.render.run_messages import render
from tests.slack.support.runs import RUNS, ctx

STATES = {
    "planning", "awaiting_approval", "queued", "running", "verifying",
    "succeeded", "failed", "rejected", "expired", "cancelled", "needs_human",
}  # fmt: skip
STEP_STATES = {"pending", "running", "done", "failed", "skipped", "unknown"}
GATE_STATES = {"open", "approved", "rejected", "expired", "void"}

PROMISED = {
    "countersign_run": {"run", "command", "app", "environment", "requested_by", "state"},
    "countersign_plan": {"run", "plan", "pending"},
    "countersign_approval": {"run", "plan", "needed", "given", "state"},
    "countersign_progress": {"run", "state", "steps"},
    "countersign_result": {"run", "state", "seconds"},
}


def test_states() -> None:
    assert set(RunState) == STATES
    assert set(StepState) == STEP_STATES
    assert set(GateState) == GATE_STATES


@pytest.mark.parametrize("name", RUNS)
def test_each_message_carries_what_is_promised(name: str) -> None:
    run = RUNS[name]
    told = {slot: message for slot, message in render(run, ctx()).items() if message.event_type in PROMISED}
    assert next(iter(told)) == "card", "the card is first, and everything else in its thread"
    for slot, message in told.items():
        payload = dict(message.payload or {})
        assert PROMISED[message.event_type or ""] <= payload.keys(), slot
        assert payload["run"] == run.id
        assert payload.get("state", "running") in STATES | GATE_STATES
        assert message.text.strip(), "for notifications and screen readers"
        if message.event_type == "countersign_plan" and run.plan is not None and run.plan.sha is not None:
            assert payload["sha"] == str(run.plan.sha)
        if message.event_type == "countersign_progress":
            for step in payload["steps"]:
                assert {"key", "title", "state"} <= step.keys()
                assert step["state"] in STEP_STATES


@pytest.mark.parametrize("name", RUNS)
def test_each_button_says_what_it_does_and_which_run_it_is_about(name: str) -> None:
    run = RUNS[name]
    for slot, message in render(run, ctx()).items():
        for block in message.blocks:
            for element in block.get("elements", []) if block["type"] == "actions" else []:
                assert element["action_id"].startswith("run_"), slot
                assert element["value"] == run.id, slot
