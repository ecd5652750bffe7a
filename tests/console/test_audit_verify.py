"""`countersign audit verify` on a real store whose rows somebody has changed: each kind of change is named."""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner

from bot.console import audit
from bot.console.audit_verify import AnchorSources, verification
from bot.console.store_access import ask
from bot.domain.runs.history import Entry, chained
from bot.domain.runs.run import RunState
from bot.playground import Playground
from bot.slack.transport.gateway import build_client, open_session
from bot.store import open_readonly, open_store
from tests.acceptance.support.system import environment, workspace
from tests.engine.support.world import APPROVE, REJECT, SmallWorld, small_world

OTHER_DIGEST = "f" * 64
OPS_FILE = """version: 1
hosts: {web1: {address: compte.example.com, user: deploy}}
policies: {relaxed: {run: {backup: [anyone]}, approve: {}}}
apps:
  compte:
    recipe: shell
    channels: [C0OPS]
    environments:
      production:
        {policy: relaxed, hosts: [web1], path: /var/www/compte, branch: main, vars: {commands: [make]}}
"""
VARIABLES = ("STORE_URL", "OPS_FILE", "SLACK_BOT_TOKEN", "SLACK_APP_TOKEN")
Runs = dict[str, str]


async def fill(folder: Path) -> Runs:
    """Leave a run that was approved, one that was rejected and one that was cancelled at its gate."""
    async with small_world(folder) as world:
        approved = await at_gate(world, "Ev1")
        world.people.said["U0BOB"] = APPROVE
        await world.until(approved, RunState.SUCCEEDED)
        world.people.said.clear()
        rejected = await at_gate(world, "Ev2")
        world.people.said["U0EVE"] = REJECT
        await world.until(rejected, RunState.REJECTED)
        world.people.said.clear()
        cancelled = await at_gate(world, "Ev3")
        await world.engine.cancel(cancelled, "U0AMELIE")
        await world.until(cancelled, RunState.CANCELLED)
    return {"approved": approved, "rejected": rejected, "cancelled": cancelled}


async def at_gate(world: SmallWorld, event: str) -> str:
    run = await world.submit(event)
    await world.until(run, RunState.AWAITING_APPROVAL)
    return run


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Runs]:
    folder = tmp_path_factory.mktemp("filled")
    runs = asyncio.run(fill(folder))
    return folder / "store.db", runs


class Tampering:
    """A copy of the store, and what can be done to it."""

    def __init__(self, path: Path, runs: Runs) -> None:
        self.path = path
        self.runs = runs

    def sql(self, *statements: str) -> None:
        """Execute statements in which `:approved` and the like stand for the IDs of runs."""
        with closing(sqlite3.connect(self.path)) as connection, connection:
            for statement in statements:
                connection.execute(statement, {name: run for name, run in self.runs.items() if f":{name}" in statement})

    def rechain(self, *statements: str) -> None:
        """Change the history and make its chain anew, so that it holds in itself."""
        self.sql(*statements)
        with closing(sqlite3.connect(self.path)) as connection, connection:
            rows = connection.execute("SELECT run, event, actor, facts, at FROM history ORDER BY sequence").fetchall()
            connection.execute("DELETE FROM history")
            before = "0" * 64
            for sequence, (run, event, actor, facts, at) in enumerate(rows, 1):
                record = chained(sequence, at, Entry(run, event, actor, json.loads(facts)), before)
                values = (sequence, at, run, event, actor, facts, before, record.hash)
                connection.execute("INSERT INTO history VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)
                before = record.hash
            connection.execute("UPDATE chain SET sequence = ?, hash = ?", (len(rows), before))

    def verify(self, *words: str) -> Any:
        return self._invoke("verify", "--no-slack", *words)

    def export(self, copy: Path) -> None:
        copy.write_text(self._invoke("export", "--since", "2020-01-01").stdout)

    def _invoke(self, *words: str) -> Any:
        env = self.path.parent / ".env"
        env.write_text(f"STORE_URL=sqlite+aiosqlite:///{self.path}\n")
        app = typer.Typer()
        app.callback()(lambda: None)
        audit.register(app)
        return CliRunner().invoke(app, ["audit", *words, "--env", str(env)])


@pytest.fixture
def store(filled: tuple[Path, Runs], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tampering:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    shutil.copy(filled[0], tmp_path / "store.db")
    return Tampering(tmp_path / "store.db", filled[1])


def test_an_honest_store_agrees(store: Tampering) -> None:
    result = store.verify()
    assert result.exit_code == 0
    assert "the history holds: " in result.stdout
    assert "unanchored: nothing outside of the store confirms it" in result.stdout
    assert "runs, votes and gates agree with the history: 3 runs" in result.stdout
    assert "not covered: messages, locks, schedules and the inbox" in result.stdout


ROWS = [
    ("a vote is taken out", "DELETE FROM votes WHERE run = :approved", "the vote: the store says U0BOB nothing"),
    ("a vote is another's", "UPDATE votes SET user = 'U0EVE' WHERE run = :approved", "the vote: the store says U0EVE"),
    ("a vote is turned round", "UPDATE votes SET choice = 'reject' WHERE run = :approved", "U0BOB reject of plan"),
    ("a vote does not count", "UPDATE votes SET counts = 0 WHERE run = :approved", "not counted, the history says"),
    (
        "a vote is about another plan",
        f"UPDATE votes SET digest = '{OTHER_DIGEST}' WHERE run = :approved",
        f"U0BOB approve of plan {OTHER_DIGEST}",
    ),
    (
        "a vote is put in",
        f"INSERT INTO votes VALUES (:cancelled, 0, 'U0BOB', '{OTHER_DIGEST}', 'approve', 1, '', 0)",
        "the history says U0BOB nothing",
    ),
    (
        "a gate is approved",
        "UPDATE runs SET gate = json_set(gate, '$.state', 'approved') WHERE id = :cancelled",
        "the gate: the store says approved, the history says void",
    ),
    ("a gate is taken out", "UPDATE runs SET gate = NULL WHERE id = :rejected", "the gate: the store says nothing"),
    (
        "a gate is about another plan",
        f"UPDATE runs SET gate = json_set(gate, '$.digest', '{OTHER_DIGEST}') WHERE id = :approved",
        "the plan of the gate: ",
    ),
    (
        "a gate asks for less",
        "UPDATE runs SET gate = json_set(gate, '$.requirement.count', 0) WHERE id = :approved",
        "what the gate asks for: the store says 0 of releasers, the history says 1 of releasers",
    ),
    (
        "a gate asks others",
        "UPDATE runs SET gate = json_set(gate, '$.requirement.anyone', json('true')) WHERE id = :approved",
        "what the gate asks for: ",
    ),
    (
        "a gate did not hold up the change",
        "UPDATE runs SET gate = json_set(gate, '$.afterwards', json('true')) WHERE id = :approved",
        "the gate: the store says the change did not wait for it",
    ),
    (
        "a gate waits longer",
        "UPDATE runs SET gate = json_set(gate, '$.expires_at', json_extract(gate, '$.expires_at') + 60000000)"
        " WHERE id = :rejected",
        "when the gate expires: ",
    ),
    (
        "a gate waits later",
        "UPDATE runs SET gate = json_set(gate, '$.expires_at', json_extract(gate, '$.expires_at') + 60000000,"
        " '$.opened_at', json_extract(gate, '$.opened_at') + 60000000) WHERE id = :rejected",
        "when the gate expires: ",
    ),
    (
        "a plan has another commit",
        f"UPDATE runs SET plan = json_set(plan, '$.sha', '{'3' * 40}') WHERE id = :approved",
        "the plan: the store says digest ",
    ),
    (
        "a plan has another step",
        "UPDATE runs SET plan = json_remove(plan, '$.steps[0]') WHERE id = :approved",
        "the plan: the store says digest ",
    ),
    ("a plan is taken out", "UPDATE runs SET plan = NULL WHERE id = :approved", "the plan: the store says nothing"),
    ("a plan cannot be read", "UPDATE runs SET plan = '{' WHERE id = :approved", "the store says what cannot be read"),
    (
        "a run has another end",
        "UPDATE runs SET state = 'succeeded' WHERE id = :rejected",
        "the state: the store says succeeded, the history says rejected (record ",
    ),
    ("a run has no end", "UPDATE runs SET ended_at = NULL WHERE id = :rejected", "the state: the store says not ended"),
    (
        "a run failed for another reason",
        "UPDATE runs SET state = 'failed', problem = json_set(problem, '$.reason', 'internal') WHERE id = :rejected",
        "the state: the store says failed",
    ),
    (
        "a run is cancelled by another",
        "UPDATE runs SET cancelled_by = 'U0EVE' WHERE id = :cancelled",
        "who cancelled it: the store says U0EVE, the history says U0AMELIE",
    ),
    (
        "a run had nothing to do",
        "UPDATE runs SET nothing_to_do = 1 WHERE id = :approved",
        "whether there was nothing to do: the store says yes",
    ),
    (
        "a change never began",
        "UPDATE runs SET change_started_at = NULL WHERE id = :approved",
        "whether the change was allowed to begin: the store says no, the history says yes",
    ),
    (
        "a change began",
        "UPDATE runs SET change_started_at = 1 WHERE id = :cancelled",
        "whether the change was allowed to begin: the store says yes, the history says no",
    ),
    ("a run is deleted", "DELETE FROM runs WHERE id = :approved", "the run: the store says nothing, the history says"),
    ("a run is renamed", "UPDATE runs SET id = 'R-222222' WHERE id = :approved", "R-222222: the run: the store says"),
    (
        "a request is another's",
        "UPDATE runs SET request = json_set(request, '$.user', 'U0EVE') WHERE id = :approved",
        "the request: the store says by U0EVE, the history says by U0AMELIE",
    ),
    (
        "a request was typed otherwise",
        "UPDATE runs SET request = json_set(request, '$.typed', '/deploy') WHERE id = :approved",
        "the request: the store says typed '/deploy'",
    ),
    (
        "a request is for another ref",
        "UPDATE runs SET request = json_set(request, '$.options.ref', 'evil') WHERE id = :approved",
        "the request: the store says DeployOptions(ref='evil'",
    ),
    (
        "a step went well",
        "UPDATE steps SET state = 'failed' WHERE run = :approved AND step = 'migrate'",
        "the step: the store says migrate on web1: attempt 1 is failed",
    ),
    (
        "a step never ran",
        "DELETE FROM steps WHERE run = :approved AND step = 'migrate'",
        "the step: the store says migrate on web1: it was never started",
    ),
    (
        "a step ended otherwise",
        "UPDATE steps SET exit_status = 3 WHERE run = :approved AND step = 'migrate'",
        "the step: the store says migrate on web1: exit status 3",
    ),
    ("a record is no JSON", "UPDATE history SET facts = '{' WHERE sequence = 3", "record 3 was changed"),
]


@pytest.mark.parametrize(("statement", "says"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_rows_that_were_changed(store: Tampering, statement: str, says: str) -> None:
    store.sql(statement)
    result = store.verify()
    assert result.exit_code == 1
    assert says in result.stdout


RECORDS = [
    (
        "an approval is taken out",
        "DELETE FROM history WHERE run = :approved AND event = 'gate_approved'",
        "the gate: the store says approved, the history says open",
    ),
    (
        "the vote behind an approval is taken out",
        "DELETE FROM history WHERE run = :approved AND event = 'vote'",
        "the approval: the store says 1 of releasers must approve, the history says approved with the votes of nobody",
    ),
    (
        "the vote behind an approval is the requester's",
        "UPDATE history SET actor = 'U0AMELIE' WHERE run = :approved AND event = 'vote'",
        "approved with the votes of nobody",
    ),
    (
        "an approval is another's",
        "UPDATE history SET facts = json_set(facts, '$.by', 'U0EVE') WHERE run = :approved AND event = 'gate_approved'",
        "the approval: the store says approved by U0EVE",
    ),
    (
        "a cancellation is taken out",
        "DELETE FROM history WHERE run = :cancelled AND event IN ('cancel_requested', 'run_cancelled')",
        "the state: the store says cancelled, the history says awaiting_approval",
    ),
    (
        "a step began before the gate",
        "UPDATE history SET facts = json_set(facts, '$.step', 'migrate') WHERE run = :approved AND"
        " event = 'step_started' AND json_extract(facts, '$.step') = 'fetch'",
        "migrate was started before it",
    ),
    ("a request is taken out", "DELETE FROM history WHERE event = 'requested'", "the history says nothing of its"),
    (
        "the six latest records are cut off",
        "DELETE FROM history WHERE sequence > (SELECT sequence - 6 FROM chain)",
        "the state: the store says cancelled",
    ),
]


@pytest.mark.parametrize(("statement", "says"), [row[1:] for row in RECORDS], ids=[row[0] for row in RECORDS])
def test_a_chain_that_was_made_anew(store: Tampering, statement: str, says: str) -> None:
    store.rechain(statement)
    result = store.verify()
    assert result.exit_code == 1
    assert "the history holds: " in result.stdout
    assert says in result.stdout


def test_a_tail_that_was_cut_with_its_runs_is_missed_by_an_anchor(store: Tampering, tmp_path: Path) -> None:
    copy = tmp_path / "forwarded.jsonl"
    store.export(copy)
    last = len(copy.read_text().splitlines())
    assert f"anchored until record {last} ({copy}, " in store.verify("--anchors", str(copy)).stdout
    store.rechain("DELETE FROM history WHERE run = :cancelled", "DELETE FROM runs WHERE id = :cancelled")
    assert store.verify().exit_code == 0
    result = store.verify("--anchors", str(copy))
    assert result.exit_code == 1
    assert f"has record {last})" in result.stdout


def test_later_records_are_not_anchored(store: Tampering, tmp_path: Path) -> None:
    copy = tmp_path / "forwarded.jsonl"
    store.export(copy)
    asyncio.run(grow(store.path))
    result = store.verify("--anchors", str(copy))
    assert result.exit_code == 0
    assert "; 1 later records are not anchored yet" in result.stdout


async def grow(path: Path) -> None:
    async with open_store(f"sqlite+aiosqlite:///{path}") as opened:
        await opened.history.append((Entry("", "locked", "U0BOB", {}),), datetime.now(UTC))


def test_as_json(store: Tampering) -> None:
    honest = json.loads(store.verify("--json").stdout)
    assert (honest["holds"], honest["break"], honest["anchored"], honest["runs"]) == (True, None, None, 3)
    assert honest["anchors_not_read"] == ["Slack: not asked"]
    assert {"what": "messages, locks, schedules and the inbox", "runs": []} in honest["not_covered"]
    store.sql("UPDATE runs SET state = 'failed' WHERE id = :rejected")
    result = store.verify("--json")
    assert result.exit_code == 1
    found = json.loads(result.stdout)
    assert found["holds"] is False
    (state,) = [each for each in found["disagreements"] if each["subject"] == "the state"]
    assert (state["run"], state["stored"]) == (store.runs["rejected"], "failed")


def test_without_a_configuration_slack_is_said_not_to_be_read(store: Tampering) -> None:
    result = store._invoke("verify")
    assert result.exit_code == 0
    assert "no anchors read - Slack: the configuration is not valid (countersign check)" in result.stdout


@pytest.mark.parametrize(("cut", "status"), [(False, 0), (True, 1)])
async def test_an_anchor_in_slack(store: Tampering, tmp_path: Path, *, cut: bool, status: int) -> None:
    async with open_readonly(f"sqlite+aiosqlite:///{store.path}") as reader:
        anchor = await reader.history.result_of(store.runs["cancelled"])
    assert anchor is not None
    if cut:
        store.rechain("DELETE FROM history WHERE run = :cancelled", "DELETE FROM runs WHERE id = :cancelled")
    async with Playground(workspace()).serve() as playground, open_session() as session:
        env = tmp_path / "slack.env"
        (tmp_path / "ops.yaml").write_text(OPS_FILE)
        variables = environment(playground.api_url, tmp_path / "ops.yaml")
        variables["STORE_URL"] = f"sqlite+aiosqlite:///{store.path}"
        env.write_text("".join(f"{name}={value}\n" for name, value in variables.items()))
        client = build_client(variables["SLACK_BOT_TOKEN"], playground.api_url, session)
        card = await client.chat_postMessage(channel="C0OPS", text="run", metadata=metadata("countersign_run"))
        said = metadata("countersign_result", history=asdict(anchor))
        await client.chat_postMessage(channel="C0OPS", text="result", thread_ts=card["ts"], metadata=said)
        out = Console(file=StringIO())
        question = verification(AnchorSources(env, None, slack=True, slack_runs=5), as_json=False)
        assert await ask(env, {}, question, out, out, open_readonly) == status
    text = out.file.getvalue()
    if cut:
        assert "(Slack, 20" in text
        assert f"has record {anchor.sequence})" in text
    else:
        assert f"anchored until record {anchor.sequence} (Slack, 20" in text


def metadata(event_type: str, **payload: object) -> dict[str, object]:
    return {"event_type": event_type, "event_payload": {"run": "R-7K3F9Q", **payload}}
