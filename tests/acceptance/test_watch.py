"""Watching after a deploy on the real bot: it goes on over a restart, and calls people beside the way back."""

import time

from bot.demo.application.application import Application
from bot.demo.application.commits import CommitKind
from bot.demo.host.host import DemoHost
from tests.acceptance.conftest import NewSystem
from tests.acceptance.support.outside import changes
from tests.acceptance.support.system import DBA, System
from tests.support.polling import eventually

POLICY = {
    "run": {"deploy": ["engineers"], "rollback": ["engineers"]},
    "approve": {
        "deploy": {"count": 1, "from": ["releasers"]},
        "rollback": {"count": 1, "from": ["releasers"]},
    },
    "decide": ["dbas"],
}


def alert(system: System, run: str) -> str:
    return "".join(str(message["blocks"]) for message in system.messages("watch", run))


async def test_errors_after_a_deploy_call_people_within_half_a_minute_and_nothing_is_done(
    new_system: NewSystem, laravel_at_first: Application, ssh_host: DemoHost
) -> None:
    laravel = laravel_at_first
    await laravel.next_commit(CommitKind.CODE_ONLY)
    watch = {"for": "10m", "log_errors": 3, "command": "test ! -e storage/broken"}
    system = await new_system(policy=POLICY, watch=watch)
    await system.bot.start()
    run = await system.ask()
    assert await system.approved(run) == "succeeded"
    assert "Watching until" in system.result(run)

    await system.bot.kill()
    await system.bot.start()
    log = laravel.path / "storage" / "logs" / "laravel.log"
    with log.open("a") as written:
        written.write("[2026-01-01 00:00:00] production.ERROR: two alone are below the line\n" * 2)
    before = changes(ssh_host)
    with log.open("a") as written:
        written.write("[2026-01-01 00:00:01] production.ERROR: the third\n")
    began = time.monotonic()
    await eventually(lambda: "does not look well" in alert(system, run), 60, what="people are called")
    assert time.monotonic() - began < 30
    told = alert(system, run)
    for user in ("U0AMELIE", "U0BOB", DBA):
        assert f"<@{user}>" in told
    assert "run_rollback" in told
    assert changes(ssh_host) == before
    assert system.payload("card", run)["state"] == "succeeded"
