"""Whatever a run is like, Slack takes its messages, nobody is mentioned by what hosts print, and no secret is shown."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.domain.errors import Problem, Reason
from bot.domain.names import Sha
from bot.domain.policies.people import People
from bot.domain.policies.policy import Requirement
from bot.domain.runs.approval import GateState, Ignored
from bot.domain.runs.basis import Basis
from bot.domain.runs.plan import Commit, Phase, Plan, Risk, Skipped
from bot.domain.runs.plan_json import plan_digest
from bot.domain.runs.run import Gate, Run, RunState, StepRow, StepState, Vote
from bot.playground.block_kit.blocks import Surface, characters, check_blocks
from bot.slack.render.run_messages import render
from tests.slack.support.limits import broken, mentioned
from tests.slack.support.runs import AMELIE, AT, NEW, PASSWORD, STEPS, ctx, request, shell
from tests.support.every_finding import every_finding

NASTY = [
    "<!channel>",
    "<@U0VICTIM>",
    "@here",
    "```",
    "`",
    "&amp;",
    "&",
    "*b*",
    "\x1b[31m",
    "\u202e",
    PASSWORD,
    "a" * 4000,
    "\n",
]
texts = st.lists(st.one_of(st.sampled_from(NASTY), st.text(max_size=40)), max_size=12).map(" ".join)
users = st.from_regex(r"U[A-Z0-9]{5,10}", fullmatch=True)


@st.composite
def runs(draw: st.DrawFn) -> Run:
    count = draw(st.sampled_from([0, 1, 9, 60, 300]))
    title = draw(texts).replace(PASSWORD, "")
    more = tuple(shell(f"step-{n}", title if n < 5 else "x" * 200) for n in range(max(count - len(STEPS), 0)))
    steps = (*STEPS, *more)[:count]
    some = draw(st.integers(0, 400))
    said = draw(texts)
    rows = tuple(
        StepRow(
            n,
            step.key,
            step.title,
            step.phase,
            step.risk,
            place,
            state=draw(st.sampled_from(StepState)) if n < 7 else StepState.PENDING,
            started_at=AT,
            ended_at=AT + timedelta(seconds=n),
            exit_status=n % 3,
            tail=said if n < 12 else "",
            problem=None,
        )
        for n, step in enumerate(steps)
        for place in ([*step.places, *(f"web{m}" for m in range(2, 6))] if n < 5 else step.places)
    )
    plan = Plan(
        request(),
        steps,
        sha=draw(st.sampled_from([None, Sha(NEW)])),
        commits=tuple(Commit(NEW, said, said) for _ in range(min(some, 8))),
        commit_count=some,
        pending=tuple(f"2025_{n}_{'migration_' * 12}" for n in range(some)),
        skipped=tuple(Skipped(f"s{n}", title, title) for n in range(min(some, 15))),
        findings=draw(st.lists(st.sampled_from(tuple(every_finding(said))), max_size=30).map(tuple)),
        basis=Basis({"checked out on web1": NEW}),
        destructive=draw(st.booleans()),
    )  # fmt: skip
    named = frozenset(draw(st.lists(users, max_size=12)))
    people = People((title,) * draw(st.integers(0, 4)), named, frozenset())
    requirement = Requirement(draw(st.integers(0, 3)), people, timedelta(minutes=30), allow_requester=False)
    digest = plan_digest(plan)
    gate = Gate(draw(st.sampled_from(GateState)), digest, requirement, AT, AT + timedelta(minutes=30))
    reason = draw(st.sampled_from(Reason))
    return Run(
        "R-7K3F9Q",
        1,
        request(),
        draw(st.sampled_from(RunState)),
        1,
        AT,
        plan=draw(st.sampled_from([None, plan])),
        gate=draw(st.sampled_from([None, gate])),
        steps=rows,
        votes=tuple(
            Vote(user, digest, "approve", draw(st.booleans()), draw(st.sampled_from(Ignored)).value, AT)
            for user in draw(st.lists(users, max_size=5, unique=True))
        ),
        change_started_at=draw(st.sampled_from([None, AT])),
        ended_at=draw(st.sampled_from([None, AT + timedelta(hours=5)])),
        problem=draw(st.sampled_from([None, Problem(reason, dict.fromkeys(("title", "host", "detail", "by"), said))])),
        cancelled_by=draw(st.sampled_from(["", AMELIE])),
        nothing_to_do=draw(st.booleans()),
        facts={title: said},
    )


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(runs())
def test_slack_takes_every_message_of_every_run(run: Run) -> None:
    eligible = run.gate.requirement.eligible.users if run.gate else frozenset()
    for slot, message in render(run, ctx()).items():
        assert broken(message) == [], slot
        assert check_blocks(list(message.blocks), Surface.MESSAGE) == [], slot
        assert characters(list(message.blocks)) <= 13_200, slot
        assert PASSWORD not in message.text + json.dumps(message.blocks), slot
        allowed = {"result": {f"@{AMELIE}"}, "approval": {f"@{user}" for user in eligible}}.get(slot, set())
        assert mentioned(message) <= allowed, slot


def test_a_payload_that_is_cut_says_so() -> None:
    many = tuple(
        StepRow(n, f"step-{n}", "x" * 200, Phase.CHANGE, Risk.CHANGES, "web1", started_at=AT) for n in range(400)
    )
    run = Run("R-7K3F9Q", 1, request(), RunState.RUNNING, 1, AT, steps=many)
    payload = render(run, ctx())["progress"].payload
    assert payload is not None
    assert payload["truncated"] is True
    assert len(payload["steps"]) < 400
    assert "truncated" not in (render(replace(run, steps=many[:20]), ctx())["progress"].payload or {})
