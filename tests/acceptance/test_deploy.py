"""The first deploy, from outside: what is typed, what is reacted, what stands in the thread, what is on the host."""

import hashlib
import json
import re
from itertools import pairwise
from typing import Any

import aiohttp

from bot.databases.backups.manifest import parse_manifest
from bot.demo.application.application import Application
from bot.demo.application.commits import CommitKind
from bot.demo.host.database import DatabaseServer
from bot.demo.host.host import DemoHost
from bot.domain.runs.history_check import disagreements
from bot.slack.render.cards.run.anchor import anchor_in
from bot.store.history.verify import first_broken
from tests.acceptance.conftest import NewSystem
from tests.acceptance.support.outside import changes, half_written, migration_ddl
from tests.acceptance.support.system import CHANNEL, ENGINEER, RELEASER, System
from tests.support.polling import eventually

TOKEN_ID = "2025_11_16_074003_add_token_id_to_user_sessions_table"
ORDER = ["pending", "running", "done"]


async def test_a_countersigned_deploy_brings_the_column(
    system_with_scratch: System, laravel: Application, mariadb: DatabaseServer, ssh_host: DemoHost
) -> None:
    system = system_with_scratch
    before, position = await laravel.head(), mariadb.log_position()
    run = await system.ask()
    request = await system.gate(run)
    assert await laravel.head() == before
    assert not laravel.is_down
    assert changes(ssh_host) == {}
    seeds = {item["name"]: item["users"] for item in request["reactions"]}
    assert seeds == {"white_check_mark": ["U0COUNTER"], "x": ["U0COUNTER"]}

    await eventually(
        lambda: system.payload("card")["state"] == "awaiting_approval", what="a card that says who must act"
    )
    system.react(request)
    assert await system.end(run) == "succeeded"

    assert await laravel.head() == await laravel.tip()
    assert not laravel.is_down
    columns = await mariadb.columns(laravel.database.name, "user_sessions")
    assert columns["token_id"] == "varchar(100)"
    assert set(changes(ssh_host).values()) == {1}, changes(ssh_host)
    assert len(ssh_host.commands.ran("php artisan migrate --force", laravel.path)) == 1
    asked_for = migration_ddl(mariadb.statements(position))
    assert asked_for
    assert len(asked_for) == len(set(asked_for)), asked_for
    _check_metadata(system, run, await laravel.tip())
    _check_walks(system, run)
    await _check_backup(system, run, laravel)
    await _check_log(system, run)
    await _check_history(system, run)


def _check_metadata(system: System, run: str, sha: str) -> None:
    messages = system.messages(run=run)
    assert len([message for message in messages if message.get("thread_ts") in (None, message["ts"])]) == 1
    kinds = sorted(message["metadata"]["event_type"] for message in messages)
    assert kinds == [f"countersign_{kind}" for kind in ("approval", "plan", "progress", "result", "run")]
    assert all(message["text"].strip() for message in messages)
    digest = system.payload("plan")["plan"]
    assert int(digest, 16) > 0
    assert system.payload("card") == {
        "run": run,
        "command": "deploy",
        "app": "compte",
        "environment": "production",
        "requested_by": ENGINEER,
        "state": "succeeded",
    }
    assert system.payload("plan") == {"run": run, "plan": digest, "sha": sha, "pending": [TOKEN_ID]}
    asked = {"run": run, "plan": digest, "needed": 1, "given": 1, "state": "approved"}
    assert asked.items() <= system.payload("approval").items()
    result = system.payload("result")
    assert set(result) == {"run", "state", "seconds", "backup", "history"}
    assert result["seconds"] > 0
    progress = system.payload("progress")
    assert set(progress) == {"run", "state", "steps"}
    assert progress["state"] == "succeeded"
    assert {step["state"] for step in progress["steps"]} == {"done"}
    assert all(set(step) == {"key", "title", "state"} for step in progress["steps"])


def _check_walks(system: System, run: str) -> None:
    """Each step goes from pending over running to done and never back; the card goes through the run's states."""
    seen: dict[str, list[str]] = {}
    for call in system.playground.api.log:
        metadata: dict[str, Any] = call.arguments.get("metadata") or {}
        if metadata.get("event_type") == "countersign_progress":
            for step in metadata["event_payload"]["steps"]:
                seen.setdefault(step["key"], []).append(step["state"])
    assert seen
    for key, states in seen.items():
        places = [ORDER.index(state) for state in states]
        assert all(before <= after for before, after in pairwise(places)), (key, states)
    assert "running" in {state for states in seen.values() for state in states}
    card = system.state_history(run, "countersign_run")
    states = ["queued", "planning", "awaiting_approval", "running", "verifying", "succeeded"]
    order = [states.index(state) for state in card]
    assert order == sorted(order)
    assert "awaiting_approval" in card
    assert system.state_history(run, "countersign_approval")[0] == "open"


async def _check_backup(system: System, run: str, laravel: Application) -> None:
    backup = system.payload("result", run)["backup"]
    assert not half_written(laravel.backups)
    [manifest] = laravel.backups.rglob(f"{backup}*.json")
    told = parse_manifest(manifest.read_bytes())
    assert (told.backup, told.app, told.environment, told.proof) == (backup, "compte", "production", "proven")
    assert told.database == laravel.database.name
    dump = manifest.with_name(told.file)
    assert dump.stat().st_size == told.bytes
    assert dump.stat().st_mode & 0o777 == 0o600
    assert hashlib.sha256(dump.read_bytes()).hexdigest() == told.sha256
    text = await laravel.run({".zst": "zstd", ".gz": "gzip"}[dump.suffix], "-dc", str(dump))
    table = text.partition("CREATE TABLE `user_sessions`")[2].partition(";")[0]
    assert "user_id" in table
    assert "token_id" not in table


async def _check_log(system: System, run: str) -> None:
    await eventually(system.files, what="the log file")
    [file] = system.files()
    card = system.messages("card", run)[0]
    [share] = file["shares"]["public"][CHANNEL]
    [message] = [one for one in system.snapshot()["channels"][0]["messages"] if one["ts"] == share["ts"]]
    assert message["thread_ts"] == card["ts"]
    assert run in file["name"]
    assert TOKEN_ID in file["content"]


async def _check_history(system: System, run: str) -> None:
    async with system.bot.store() as store:
        assert await first_broken(store.history) is None
        records = await store.history.of_run(run)
        stored = await store.runs.get(run)
        assert anchor_in(system.payload("result")) == await store.history.result_of(run)
    assert stored is not None
    assert disagreements(stored, records) == ()
    events = [record.entry.event for record in records]
    wanted = ["requested", "planned", "gate_opened", "vote", "gate_approved", "run_succeeded"]
    assert [event for event in events if event in wanted] == wanted


async def test_monitoring_tells_how_the_bot_is(new_system: NewSystem, laravel: Application, free_port: int) -> None:
    system = await new_system(extra={"HTTP_ADDR": f"127.0.0.1:{free_port}", "LOG_FORMAT": "json"})
    await system.bot.start()

    async def read(path: str) -> str:
        url = f"http://127.0.0.1:{free_port}/{path}"
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            assert answer.status == 200
            return await answer.text()

    assert await read("healthz")
    assert await read("readyz")
    assert json.loads(next(line for line in system.bot.lines if "ready" in line))["event"] == "ready"

    run = await system.ask("/deploy compte production --no-migrate")
    await system.gate(run)
    waiting = await read("metrics")
    assert "countersign_approvals_waiting 1.0" in waiting
    assert 'countersign_runs{state="awaiting_approval"} 1.0' in waiting
    assert await system.approved(run) == "succeeded"
    after = await read("metrics")
    assert 'countersign_runs{state="succeeded"} 1.0' in after
    assert 'countersign_step_duration_seconds_count{outcome="done",step="checkout"} 1.0' in after
    assert re.search(r'countersign_slack_calls_total\{method="chat_postMessage",outcome="ok"\} [1-9]', after)
    assert re.search(r"countersign_inbox_recording_seconds_count [1-9]", after)
    records = [json.loads(line) for line in system.bot.lines if line.startswith("{")]
    ended = [record for record in records if record["event"] == "step_done"]
    assert ended
    assert all(record["run"] == run and record["step"] and record["timestamp"] for record in ended)


async def test_what_is_not_needed_is_not_asked_for(system: System, laravel: Application, ssh_host: DemoHost) -> None:
    dry = await system.ask("/deploy compte production --dry-run")
    assert await system.end(dry) == "succeeded"
    assert system.payload("plan", dry)["pending"] == [TOKEN_ID]
    assert system.messages("approval", dry) == []
    assert changes(ssh_host) == {}
    assert await laravel.head() != await laravel.tip()

    held_back = await system.ask("/deploy compte production --no-migrate")
    assert await system.approved(held_back) == "succeeded"
    assert system.payload("plan", held_back)["pending"] == []
    assert await laravel.head() == await laravel.tip()
    ran = changes(ssh_host)
    assert ran["git merge"] == 1
    assert ran["php artisan migrate"] == ran["php artisan down"] == ran["php artisan up"] == 0
    assert "backup" not in system.payload("result", held_back)

    ssh_host.commands.forget()
    nothing = await system.ask("/deploy compte production --no-migrate")
    assert await system.end(nothing) == "succeeded"
    assert system.messages("approval", nothing) == []
    assert changes(ssh_host) == {}
    assert RELEASER not in system.result(nothing)


async def test_two_runs_on_one_target_go_one_after_the_other(
    system: System, laravel_at_first: Application, ssh_host: DemoHost
) -> None:
    await laravel_at_first.next_commit(CommitKind.CODE_ONLY)
    await laravel_at_first.next_commit(CommitKind.SAFE)
    first = await system.ask()
    request = await system.gate(first)
    second = await system.ask(user=RELEASER)
    assert system.payload("card", second)["state"] == "queued"
    assert system.messages("progress", second) == []
    system.react(request)
    assert await system.end(first) == "succeeded"
    assert await system.end(second) == "succeeded"
    assert system.messages("approval", second) == []
    assert len(ssh_host.commands.ran("git merge")) == 1
    assert await laravel_at_first.head() == await laravel_at_first.tip()
