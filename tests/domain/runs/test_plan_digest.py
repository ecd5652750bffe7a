"""The canonical JSON of plans, and with it the digest that approvals are bound to, stays as it is."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from bot.domain.runs.plan import Plan
from bot.domain.runs.plan_json import plan_digest, plan_from_json, plan_to_json
from tests.domain.support.plan_samples import PLANS

GOLDEN: dict[str, dict[str, str]] = json.loads(
    (Path(__file__).parent / "golden" / "plans.json").read_text(encoding="utf-8")
)
ACTS = {
    "as_rehearsed",
    "discard",
    "drop_copy",
    "drop_old",
    "dump",
    "health",
    "load",
    "nothing_pending",
    "preflight",
    "preview",
    "prove",
    "rehearse",
    "shell",
    "swap",
    "undone",
}


def canonical(plan: Plan) -> str:
    return json.dumps(plan_to_json(plan), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def values(key: str) -> set[str]:
    return {step[key] for golden in GOLDEN.values() for step in json.loads(golden["canonical"])["steps"]}


@pytest.mark.parametrize("name", GOLDEN)
def test_a_plan_that_is_built_has_the_same_text_and_digest(name: str) -> None:
    assert canonical(PLANS[name]) == GOLDEN[name]["canonical"]
    assert plan_digest(PLANS[name]) == GOLDEN[name]["digest"]


@pytest.mark.parametrize("name", GOLDEN)
def test_a_plan_that_is_read_is_written_again_byte_for_byte(name: str) -> None:
    text = GOLDEN[name]["canonical"]
    plan = plan_from_json(json.loads(text))
    assert canonical(plan) == text
    assert plan_digest(plan) == GOLDEN[name]["digest"] == hashlib.sha256(text.encode()).hexdigest()


def test_every_plan_has_its_golden_text() -> None:
    assert PLANS.keys() == GOLDEN.keys()


def test_the_golden_plans_hold_every_act_phase_risk_and_meaning_of_a_failure() -> None:
    plans = [json.loads(golden["canonical"]) for golden in GOLDEN.values()]
    assert {step["act"]["act"] for plan in plans for step in plan["steps"]} == ACTS
    assert values("phase") == {"prepare", "change", "verify"}
    assert values("risk") == {"reads", "changes", "destroys"}
    assert values("on_failure") == {"fail", "hold", "hold_in_doubt"}
    actions = {"deploy", "rollback", "backup", "restore", "migrate-status"}
    assert {plan["request"]["action"] for plan in plans} == actions


def test_a_rehearsal_that_names_no_direction_and_no_backup_goes_up_on_the_schema() -> None:
    data = json.loads(GOLDEN["deploy"]["canonical"])
    acts = [step["act"] for step in data["steps"] if step["key"] == "rehearsal"]
    for act in acts:
        del act["direction"], act["backup"]
    assert acts
    assert plan_digest(plan_from_json(data)) == GOLDEN["deploy"]["digest"]
