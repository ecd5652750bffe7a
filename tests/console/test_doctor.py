"""`countersign doctor` against a workspace, a real sshd and a real MariaDB; each thing that can be wrong is named."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from bot.__main__ import app
from bot.audit.webhooks.recipient import lease_name
from bot.console.doctor import diagnose
from bot.console.doctor_checks.check_result import CheckResult, CheckStatus, summary
from bot.console.doctor_checks.hosts import parse
from bot.console.doctor_checks.problem_text import explain
from bot.demo.application.application import Application
from bot.demo.forge import DemoForge
from bot.demo.host.database import DatabaseServer
from bot.demo.host.host import DemoHost
from bot.demo.host.web import WebServer
from bot.domain.errors import Reason, problem
from bot.domain.runs.history import Entry
from bot.domain.secrets import Secret
from bot.domain.targets.receiver import Receiver, ReceiverKind
from bot.playground import Playground
from bot.playground.workspace.default_workspace import default_workspace
from bot.store import open_store
from bot.store.leader_lease import LeaderLease
from bot.store.store import SystemClock
from tests.acceptance.support.system import environment
from tests.store.support.samples import AT
from tests.support import OPS_PASSWORD, operations, write_operations

Diagnosis = tuple[int, list[str]]
Doctor = Callable[..., Awaitable[Diagnosis]]


def changed(content: Mapping[str, Any], path: str, value: object) -> None:
    """Set a value in the operations file: `hosts.web1.port`."""
    *way, last = path.split(".")
    place: Any = content
    for key in way:
        place = place[key]
    place[last] = value


@pytest.fixture
async def doctor(
    tmp_path: Path, ssh_host: DemoHost, laravel_at_first: Application, web: WebServer
) -> AsyncIterator[Doctor]:
    """Run the doctor on the test's application: `scopes` that Slack grants, changes of file and environment."""
    async with AsyncExitStack() as stack:

        async def run(
            file: Mapping[str, object] | None = None,
            env: Mapping[str, str] | None = None,
            lacks: frozenset[str] = frozenset(),
            absent: str = "",
        ) -> Diagnosis:
            workspace = default_workspace()
            granted = tuple(scope for scope in workspace.app.scopes if scope not in lacks)
            workspace = replace(workspace, app=replace(workspace.app, scopes=granted))
            playground = await stack.enter_async_context(Playground(workspace).serve())
            if absent:
                playground.state.conversation("C0OPS").members.remove(absent)
            content = operations(ssh_host, laravel_at_first, health_url=web.health_url)
            content["people"] = {"engineers": ["U0AMELIE", "U0BOB"], "releasers": ["S0RELEASE"], "dbas": ["U0DBA"]}
            for path, value in (file or {}).items():
                changed(content, path, value)
            real = {
                "STORE_URL": f"sqlite+aiosqlite:///{tmp_path}/data/countersign.db",
                OPS_PASSWORD: laravel_at_first.database.password,
                "HOME": str(tmp_path),
                **environment(playground.api_url, write_operations(tmp_path, content)),
                **(env or {}),
            }
            out = StringIO()
            status = await diagnose(tmp_path / ".env", real, Console(file=out, markup=False, highlight=False))
            text = out.getvalue()
            assert laravel_at_first.database.password not in text
            assert workspace.app.bot_token not in text
            assert "Traceback" not in text
            return status, text.splitlines()

        yield run


def failed(diagnosis: Diagnosis) -> list[str]:
    status, lines = diagnosis
    found = [line.removeprefix("FAIL").strip() for line in lines if line.startswith("FAIL")]
    assert bool(found) == (status == 1), lines
    return found


async def test_all_is_well(doctor: Doctor, laravel_at_first: Application) -> None:
    status, lines = await doctor()
    assert status == 0, lines
    checks = [line[6:].split(": ")[0] for line in lines[:-1] if line.startswith(("ok  ", "warn", "FAIL"))]
    assert checks == [
        "Slack bot token",
        "Slack scopes",
        "Slack app token",
        "Slack channel C0OPS",
        "approvers of restore by policy production in C0OPS",
        "approvers of rollback by policy production in C0OPS",
        "Slack people",
        "store",
        *["host web1"] * 3,
        *["compte production on web1"] * 5,
        *["database of compte production"] * 4,
        "rehearsal of compte production",
        *["compte production on web1"] * 2,
        "health of compte production",
    ]
    text = "\n".join(lines)
    assert f"main at {(await laravel_at_first.head())[:7]}, unchanged" in text
    assert "a command takes" in text
    assert "MariaDB" in text
    assert lines[-1].startswith("24 checks: ")


async def test_nothing_is_made_or_changed(
    doctor: Doctor, tmp_path: Path, laravel_at_first: Application, ssh_host: DemoHost
) -> None:
    before = await laravel_at_first.head()
    home = sorted(ssh_host.home.rglob("*"))
    backups = tmp_path / "of" / "backups"
    status, lines = await doctor({"apps.compte.environments.production.backups.directory": str(backups)})
    assert status == 0
    assert any(line.endswith(f"free at {backups} (not there yet)") for line in lines)
    assert not backups.parent.exists()
    assert not (tmp_path / "data").exists()
    assert sorted(ssh_host.home.rglob("*")) == home
    assert await laravel_at_first.head() == before


async def test_a_wrong_bot_token(doctor: Doctor) -> None:
    found = failed(await doctor(env={"SLACK_BOT_TOKEN": "xoxb-of-somebody-else"}))
    assert found[0] == "Slack bot token: Slack refuses SLACK_BOT_TOKEN: invalid_auth"


async def test_a_wrong_app_token(doctor: Doctor) -> None:
    assert failed(await doctor(env={"SLACK_APP_TOKEN": "xapp-of-somebody-else"})) == [
        "Slack app token: Slack refuses SLACK_APP_TOKEN: invalid_auth"
    ]


async def test_a_missing_scope(doctor: Doctor) -> None:
    [found] = failed(await doctor(lacks=frozenset({"reactions:read"})))
    assert found.startswith("Slack scopes: reactions:read is missing")


async def test_a_scope_that_the_bot_can_do_without(doctor: Doctor) -> None:
    status, lines = await doctor(lacks=frozenset({"groups:history"}))
    assert status == 0
    assert any(line.startswith("warn  Slack scopes: groups:history is missing") for line in lines)


async def test_a_channel_that_is_not_there_and_one_without_the_bot(doctor: Doctor) -> None:
    found = failed(await doctor({"apps.compte.channels": ["C0NOWHERE", "C0GENERAL"]}))
    assert found[0].startswith("Slack channel C0GENERAL: the bot is not in #general")
    assert found[1].startswith("Slack channel C0NOWHERE: Slack answers channel_not_found")


async def test_approvers_who_are_not_in_the_channel(doctor: Doctor) -> None:
    _, lines = await doctor(absent="U0BOB")
    [found] = [line for line in lines if "approvers in C0OPS" in line]
    assert found.startswith("warn")
    assert "Bob Okafor (U0BOB) may approve" in found


async def test_who_is_in_the_channel_cannot_be_told_without_the_scopes(doctor: Doctor) -> None:
    status, lines = await doctor(lacks=frozenset({"channels:read", "groups:read", "im:read", "mpim:read"}))
    assert status == 0
    [found] = [line for line in lines if "approvers in C0OPS" in line]
    assert found.startswith("warn")
    assert "cannot tell" in found


async def test_lists_that_are_too_long_to_be_called_at_once(doctor: Doctor) -> None:
    many = ["U0AMELIE", "U0BOB", "U0DBA", "U0ONCALL", "S0RELEASE", "U0COUNTER"]
    _, lines = await doctor({"people.releasers": many})
    [found] = [line for line in lines if "approvers of deploy by policy" in line]
    assert found.startswith("warn")
    assert "user group" in found


async def test_an_emoji_that_only_some_workspaces_have(doctor: Doctor) -> None:
    _, lines = await doctor({"emoji": {"approve": ["countersigned"]}})
    assert any(line.startswith("warn  emoji: countersigned is none of Slack's own") for line in lines)


async def test_people_that_are_not_there(doctor: Doctor) -> None:
    found = failed(await doctor({"people.dbas": ["U0NOBODY", "S0NOBODY"]}))
    assert any(line.startswith("Slack people: U0NOBODY: Slack answers user_not_found") for line in found)
    assert any(line.startswith("Slack people: user group S0NOBODY: Slack answers") for line in found)


async def test_a_refused_host_and_what_lies_behind_it(doctor: Doctor, free_port: int) -> None:
    found = failed(await doctor({"hosts.web1.port": free_port}))
    assert found[0].startswith(f"host web1: 127.0.0.1:{free_port} ")
    assert [line.split(":")[0] for line in found[1:]] == ["compte production on web1", "database of compte production"]
    assert all("skipped: host web1 can't be used" in line for line in found[1:])


async def test_a_changed_host_key(
    doctor: Doctor, new_host: Callable[..., Awaitable[DemoHost]], ssh_host: DemoHost, tmp_path: Path
) -> None:
    other = await new_host()
    known = tmp_path / "known_hosts"
    key = other.known_hosts.read_text().split(" ", 1)[1]
    known.write_text(f"[127.0.0.1]:{ssh_host.port} {key}")
    found = failed(await doctor({"hosts.web1.known_hosts": str(known)}))
    assert found[0].startswith(f"host web1: its key is another one than {known} has for [127.0.0.1]:{ssh_host.port}")


async def test_an_unknown_host_key(doctor: Doctor, tmp_path: Path, ssh_host: DemoHost) -> None:
    known = tmp_path / "known_hosts"
    known.touch()
    found = failed(await doctor({"hosts.web1.known_hosts": str(known)}))
    assert found[0].startswith(f"host web1: {known} has no key for [127.0.0.1]:{ssh_host.port}")
    assert "ssh-keyscan" in found[0]


async def test_a_key_that_the_host_refuses(doctor: Doctor, new_host: Callable[..., Awaitable[DemoHost]]) -> None:
    other = await new_host()
    found = failed(await doctor({"hosts.web1.key": str(other.key)}))
    assert found[0].startswith("host web1: the login as ")
    assert "authorized_keys" in found[0]


async def test_a_wrong_password(doctor: Doctor) -> None:
    [found] = failed(await doctor(env={OPS_PASSWORD: "not-the-password"}))
    assert found.startswith("database of compte production: ")
    assert "(error 1045)" in found
    assert "check `user`, the variable with the password" in found


async def test_a_database_that_nobody_serves(doctor: Doctor, free_port: int) -> None:
    [found] = failed(await doctor({"apps.compte.environments.production.database.port": free_port}))
    assert f"127.0.0.1:{free_port} as seen from web1 does not answer" in found


async def test_sessions_are_seen_with_the_privilege(
    doctor: Doctor, mariadb: DatabaseServer, laravel_at_first: Application
) -> None:
    _, lines = await doctor()
    assert any(line.startswith("warn  database of compte production: sessions: only its own") for line in lines)
    await mariadb.query(f"GRANT PROCESS ON *.* TO `{laravel_at_first.database.user}`@`%`")
    _, lines = await doctor()
    assert any(line.startswith("ok    database of compte production: sessions: ") for line in lines)


async def test_no_checkout(doctor: Doctor, laravel_at_first: Application) -> None:
    folder = laravel_at_first.path.parent
    found = failed(await doctor({"apps.compte.environments.production.path": str(folder)}))
    assert found == [
        f"compte production on web1: checkout: {folder} is no git checkout - clone the repository there",
    ]


async def test_a_dirty_checkout_and_a_branch_that_origin_has_not(doctor: Doctor, laravel_at_first: Application) -> None:
    (laravel_at_first.path / "artisan").write_text("changed by hand")
    found = failed(await doctor({"apps.compte.environments.production.branch": "release"}))
    assert found[0].startswith("compte production on web1: checkout: changed by hand: artisan")
    assert found[1] == "compte production on web1: origin: answers, but has no branch release - check `branch:`"


async def test_backups_that_are_kept_elsewhere(doctor: Doctor, tmp_path: Path) -> None:
    section = "apps.compte.environments.production.backups"
    status, lines = await doctor({section: {"store": {"directory": str(tmp_path / "kept")}}})
    assert status == 0
    place = tmp_path / "kept" / "compte" / "production"
    assert any(f"backups of compte production: {place} answers and has 0 of them, " in line for line in lines), lines


async def test_backups_where_nothing_can_be_written(doctor: Doctor) -> None:
    found = failed(await doctor({"apps.compte.environments.production.backups.directory": "/etc/passwd/backups"}))
    assert found == [
        "compte production on web1: backups: /etc/passwd is not a writable folder - "
        "give it to the account, or make /etc/passwd/backups for it",
    ]


async def test_a_page_that_does_not_answer(doctor: Doctor, free_port: int) -> None:
    url = f"http://127.0.0.1:{free_port}/login"
    [found] = failed(await doctor({"apps.compte.environments.production.vars.health_url": url}))
    assert found.startswith(f"health of compte production: {url} does not answer here")


async def test_the_page_that_each_host_of_a_rollout_must_answer(
    doctor: Doctor, ssh_host: DemoHost, web: WebServer, free_port: int
) -> None:
    login = {"address": ssh_host.address, "port": ssh_host.port, "user": ssh_host.user}
    second = {**login, "key": str(ssh_host.key), "known_hosts": str(ssh_host.known_hosts)}
    path = "apps.compte.environments.production"
    hosts = {"hosts.web2": second, f"{path}.hosts": ["web1", "web2"]}
    _, lines = await doctor({**hosts, f"{path}.rollout": {"health": web.health_url}})
    found = [line for line in lines if "health of compte production on " in line]
    assert len(found) == 2, lines
    assert all(line.startswith("ok") and f"{web.health_url} answers 200 in" in line for line in found)
    silent = f"http://127.0.0.1:{free_port}/up"
    away = failed(await doctor({**hosts, f"{path}.rollout": {"health": silent}}))
    assert [line.partition(":")[0] for line in away] == [
        "health of compte production on web1",
        "health of compte production on web2",
    ]
    assert f"{silent} does not answer as web1 sees it" in away[0]


async def test_the_forge_and_the_checks_that_it_knows(doctor: Doctor, free_port: int) -> None:
    async with DemoForge() as forge:
        asks = {"apps.compte.repository": forge.repository, "apps.compte.checks": ["phpunit", "lint"]}
        _, lines = await doctor(asks)
        host = forge.repository.split("/")[2]
    newest = "main, the newest commit of main"
    assert f"warn  checks of compte: {host} has no lint for {newest}; there is: phpunit" in lines
    assert f"ok    checks of compte: {host} answers for {newest}: phpunit: success" in lines

    asks["apps.compte.repository"] = f"http://127.0.0.1:{free_port}/acme/compte"
    status, lines = await doctor(asks, {"FORGE_TOKEN": "ghp_forge"})
    assert status == 1
    assert any(line.startswith("FAIL  checks of compte") and "no connection" in line for line in lines)
    assert "ghp_forge" not in "".join(lines)


async def test_a_store_that_cannot_be_made(doctor: Doctor) -> None:
    [found] = failed(await doctor(env={"STORE_URL": "sqlite+aiosqlite:////etc/passwd/countersign.db"}))
    assert found.startswith(
        "store: /etc/passwd/countersign.db does not exist, and /etc/passwd is not a writable folder"
    )


async def test_a_store_in_use(doctor: Doctor, tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path}/bot.db"
    async with open_store(url, SystemClock()):
        status, lines = await doctor(env={"STORE_URL": url})
    assert status == 0, lines
    assert f"ok    store: {url} opens; 0 runs not finished" in lines
    assert "ok    store: history: the hash chain holds" in lines


async def test_how_far_receivers_are_behind(doctor: Doctor, tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path}/bot.db"
    here = {"url": "http://127.0.0.1:9/x", "secret": "s3cr3t-of-it", "allow_private": True, "events": ["run.failed"]}
    nowhere = {"url": "https://hooks.invalid/t0p-s3cret", "secret": "s"}
    receiver = Receiver(ReceiverKind.WEBHOOK, "http://127.0.0.1:9/x", Secret("s"), ("run.failed",))
    async with open_store(url, SystemClock()) as store, LeaderLease(store, lease_name(receiver)) as lease:
        await lease.advance(1)
        entries = [Entry("R-7K3F9Q", event, "U0AMELIE", {}) for event in ("requested", "run_failed", "gate_void")]
        await store.history.append(tuple(entries), AT)
        status, lines = await doctor({"notify": [here, nowhere]}, {"STORE_URL": url})
    assert status == 1
    assert any(line.startswith("warn  notify[0] 127.0.0.1:9: 2 events behind, since 2025-") for line in lines)
    assert any(line.startswith("FAIL  notify[1] hooks.invalid: nothing is sent there: ") for line in lines)
    assert any(line.startswith("ok    notify[1] hooks.invalid: was not told anything yet") for line in lines)
    assert "s3cr" not in "".join(lines)


async def test_a_history_that_was_tampered_with(doctor: Doctor, tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path}/bot.db"
    async with open_store(url, SystemClock()) as store:
        await store.history.append((Entry("R-7K3F9Q", "requested", "U0AMELIE", {}),), SystemClock().now())
    with contextlib.closing(sqlite3.connect(tmp_path / "bot.db")) as connection:
        connection.execute("UPDATE history SET actor = 'U0BOB'")
        connection.commit()
    [found] = failed(await doctor(env={"STORE_URL": url}))
    assert found == "store: history: record 1 was changed, removed or moved"


async def test_a_wrong_configuration_connects_to_nothing(doctor: Doctor) -> None:
    status, lines = await doctor({"apps.compte.environments.production.hosts": ["web9"]})
    assert status == 1
    assert lines[0].startswith("FAIL  configuration: ")
    assert "unknown host 'web9'" in lines[0]
    assert lines[-1].endswith("nothing was contacted")


@pytest.mark.parametrize(
    ("printed", "offset", "lacks"),
    [
        ("clock 1010.500000\n", 10.0, ()),
        ("clock 990\nlacks setsid\n", -10.0, ("setsid",)),
        ("Welcome!\nclock 1000.500000000\nlacks /proc\n", 0.0, ("/proc",)),
        ("clock 1000.%N\n", 0.0, ()),
        ("no such program\n", None, ()),
    ],
)
def test_what_a_host_says_of_itself(printed: str, offset: float | None, lacks: tuple[str, ...]) -> None:
    said = parse(printed, 1000.0, 1001.0)
    assert (said.offset, said.lacks) == (offset, lacks)


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_can_be_told_without_facts(reason: Reason) -> None:
    assert explain(problem(reason))


def test_the_summary_counts() -> None:
    results = [
        CheckResult(status, "", "") for status in (CheckStatus.OK, CheckStatus.FAIL, CheckStatus.OK, CheckStatus.WARN)
    ]
    assert summary(results) == "4 checks: 2 ok, 1 warn, 1 FAIL"
    assert summary(results[:1]) == "1 check: 1 ok"


def test_it_is_a_command_of_the_program() -> None:
    assert "one line a check" in " ".join(CliRunner().invoke(app, ["doctor", "--help"]).stdout.split())


async def test_privileges_that_a_backup_or_a_restore_would_lack_are_told(
    doctor: Doctor, laravel_at_first: Application, mariadb: DatabaseServer
) -> None:
    database = laravel_at_first.database
    account = f"`{database.user}`@`%`"
    pattern = database.name.replace("_", "\\_")
    scratch = {"apps.compte.environments.production.database.scratch": True}
    _, lines = await doctor(scratch)
    assert any("privileges for a restore: none is missing" in line for line in lines)
    await mariadb.query(f"REVOKE TRIGGER ON `{pattern}`.* FROM {account}")
    _, lines = await doctor(scratch)
    for capability in ("backup", "restore"):
        [line] = [line for line in lines if f"privileges for a {capability}: " in line]
        assert line.startswith("warn")
        assert f"TRIGGER ON `{database.name}`.*" in line


async def test_a_tool_of_another_vendor_is_told(doctor: Doctor, ssh_host: DemoHost) -> None:
    for name in ("mariadb-dump", "mysqldump"):
        tool = ssh_host.commands.bin / name
        kept = tool.read_bytes()
        tool.write_text("#!/bin/sh\necho 'mysqldump  Ver 9.7.4 for Linux on x86_64 ((Debian))'\n")
        ssh_host.commands.bin.joinpath(f".{name}").write_bytes(kept)
    try:
        _, lines = await doctor()
    finally:
        for name in ("mariadb-dump", "mysqldump"):
            kept_file = ssh_host.commands.bin / f".{name}"
            (ssh_host.commands.bin / name).write_bytes(kept_file.read_bytes())
            kept_file.unlink()
    [line] = [line for line in lines if "on web1: dumps: " in line]
    assert line.startswith("warn")
    assert "install mariadb-client" in line


async def test_what_a_deploy_would_find_only_with_the_site_down(doctor: Doctor, laravel: Application) -> None:
    await laravel.run("git", "fetch", "-q", "origin")
    added = await laravel.run("git", "diff", "--name-only", "--diff-filter=A", "HEAD", "origin/main")
    migration = next(name for name in added.split() if "token_id" in name)
    (laravel.path / migration).write_text("mine")
    (laravel.path / "artisan").chmod(0o700)
    found = failed(await doctor())
    assert found[0].startswith("compte production on web1: checkout: only the permissions were changed: artisan - ")
    assert found[1].startswith(
        f"compte production on web1: files: not tracked by git, and the branch has files of these names: {migration}"
    )


async def test_a_broken_line_of_known_hosts_takes_nothing_from_the_others(
    doctor: Doctor, ssh_host: DemoHost, tmp_path: Path
) -> None:
    known = tmp_path / "known_hosts"
    known.write_text(f"web9.example.com ssh-ed25519\n{ssh_host.known_hosts.read_text()}")
    status, lines = await doctor({"hosts.web1.known_hosts": str(known)})
    assert status == 0, lines
    [line] = [line for line in lines if "known hosts" in line]
    assert line.startswith(f"warn  host web1: known hosts: {known}:1: ")


async def test_a_start_up_file_that_ends_the_shell(doctor: Doctor, ssh_host: DemoHost) -> None:
    (ssh_host.home / ".bashrc").write_text("# mine\nexec zsh-is-not-here\n")
    found = failed(await doctor())
    assert found[0].startswith("host web1: logged in, but `sh` does not work there: ")
    assert ".bashrc: line 2: exec: zsh-is-not-here" in found[0]


_GATE = "policies.production.approve.deploy"


@pytest.mark.parametrize(
    ("people", "absent", "says"),
    [
        ({f"{_GATE}.from": ["U0BOB"]}, "U0BOB", "1 must approve, and only 0 can: "),
        (
            {"policies.production.run.deploy": ["U0BOB"], f"{_GATE}.from": ["U0BOB", "U0DBA"]},
            "U0DBA",
            "whoever may ask is one of",
        ),
    ],
)
async def test_approvers_who_can_never_approve(
    doctor: Doctor, people: Mapping[str, object], absent: str, says: str
) -> None:
    _, lines = await doctor(people, absent=absent)
    [line] = [line for line in lines if line[6:].startswith("approvers of deploy by policy production in C0OPS")]
    assert says in line
