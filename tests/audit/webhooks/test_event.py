"""Events as they are told: which records mean which, what they say, masked, and a signature that others can check."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from bot.audit.webhooks.event import body_of, event_of, signed_headers
from bot.domain.notifications import EVENTS, events_of
from bot.domain.runs.history import Entry, Record, chained
from bot.domain.runs.recorded_run import RESULT_EVENTS
from bot.domain.secrets import Masker, Secret
from tests.slack.support.runs import NEW, RUNS

PAGE = Path(__file__).parents[3] / "docs/notify.md"
RUN = RUNS["succeeded"]
MASKER = Masker((Secret("hunter22"),))


def record(event: str, run: str = RUN.id, **facts: str) -> Record:
    return chained(7, "2026-11-20T09:00:00.000000Z", Entry(run, event, "U0BOB", facts), "0" * 64)


@pytest.mark.parametrize(
    ("event", "facts", "names"),
    [
        ("gate_opened", {}, ("approval.opened",)),
        ("gate_approved", {}, ("approval.approved", "run.started")),
        ("gate_approved", {"starts_at": "2026-11-20T22:30:00+00:00"}, ("approval.approved", "run.waiting")),
        ("time_reached", {}, ("run.started",)),
        ("gate_void", {}, ("approval.void", "run.failed")),
        ("gate_void", {"while": "changing"}, ("approval.void",)),
        ("given_up", {"state": "running"}, ("run.needs_human",)),
        ("given_up", {"state": "planning"}, ("run.failed",)),
        ("run_succeeded", {}, ("run.succeeded",)),
        ("watch_ended", {"state": "crossed", "crossed": "log"}, ("run.watch_crossed",)),
        ("watch_ended", {"state": "over"}, ("run.watch_ended",)),
        ("watch_ended", {"state": "superseded", "successor": "R-1"}, ("run.watch_ended",)),
        ("step_done", {}, ()),
        ("of_tomorrow", {}, ()),
    ],
)
def test_what_a_record_means(event: str, facts: dict[str, str], names: tuple[str, ...]) -> None:
    assert events_of(record(event, **facts)) == names


def test_each_end_of_a_run_is_told() -> None:
    for event in RESULT_EVENTS:
        assert any(name.startswith("run.") for name in events_of(record(event))), event


def test_the_body_has_what_is_documented() -> None:
    event = event_of(record("run_failed", reason="moved", typed="x hunter22"), "run.failed", RUN, MASKER)
    body = json.loads(body_of(event))
    assert body == {
        "id": f"evt_7_{record('run_failed', reason='moved', typed='x hunter22').hash[:16]}_run-failed",
        "type": "run.failed",
        "timestamp": "2026-11-20T09:00:00.000000Z",
        "data": {
            "sequence": 7,
            "run": RUN.id,
            "command": "deploy",
            "app": "compte",
            "environment": "production",
            "sha": NEW,
            "requested_by": RUN.request.origin.user,
            "actor": "U0BOB",
            "changes_nothing": False,
            "facts": {"reason": "moved", "typed": "x ***"},
        },
    }
    assert body_of(event) == body_of(
        event_of(record("run_failed", reason="moved", typed="x hunter22"), "run.failed", RUN, MASKER)
    )
    assert "." not in body["id"]


def test_a_lock_belongs_to_a_target_and_to_no_run() -> None:
    event = event_of(record("locked", run="", target="compte production"), "target.locked", None, MASKER)
    assert (event.run, event.app, event.environment, event.sha) == ("", "compte", "production", "")


def test_two_events_of_one_record_are_told_apart() -> None:
    ids = {event_of(record("gate_void"), name, RUN, MASKER).id for name in events_of(record("gate_void"))}
    assert len(ids) == 2


def test_a_signature_as_standard_webhooks_has_it() -> None:
    key = b"0123456789abcdef0123456789abcdef"
    secret = Secret("whsec_" + base64.b64encode(key).decode())
    headers = signed_headers("evt_1", 1795165200, b'{"a":1}', secret)
    signed = hmac.new(key, b'evt_1.1795165200.{"a":1}', hashlib.sha256).digest()
    assert headers == {
        "webhook-id": "evt_1",
        "webhook-timestamp": "1795165200",
        "webhook-signature": f"v1,{base64.b64encode(signed).decode()}",
    }


@pytest.mark.parametrize("secret", ["correct horse battery staple", "whsec_" + base64.b64encode(b"k" * 24).decode()])
def test_the_snippet_of_the_documentation_verifies_it(secret: str) -> None:
    (snippet,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    names: dict[str, object] = {}
    exec(snippet, names)
    verify = names["verify"]
    assert callable(verify)
    body = body_of(event_of(record("run_succeeded"), "run.succeeded", RUN, MASKER))
    headers = signed_headers("evt_1", 1795165200, body, Secret(secret))
    assert verify(headers, body, secret, now=1795165210) is True
    assert verify(headers, body + b" ", secret, now=1795165210) is False
    assert verify(headers, body, "whsec_" + base64.b64encode(b"x" * 24).decode(), now=1795165210) is False
    assert verify({**headers, "webhook-id": "evt_2"}, body, secret, now=1795165210) is False
    assert verify(headers, body, secret, now=1795165200 + 301) is False
    assert verify({}, body, secret, now=1795165210) is False


def test_the_documentation_lists_every_event_and_no_other() -> None:
    text = PAGE.read_text(encoding="utf-8")
    listed = set(re.findall(r"^\| `((?:run|approval|target)\.[a-z_]+)` \|", text, re.MULTILINE))
    assert listed == set(EVENTS)


def test_a_run_without_a_plan_has_no_commit() -> None:
    assert event_of(record("requested"), "run.requested", replace(RUN, plan=None), MASKER).sha == ""
