"""When something fails, or somebody cancels: what is undone, what is left alone, and what the thread says."""

import os

from bot.demo.application.application import Application
from bot.demo.application.commits import CommitKind
from bot.demo.host.database import DatabaseServer
from bot.demo.host.host import DemoHost
from tests.acceptance.support.outside import changes
from tests.acceptance.support.system import ENGINEER, ONCALL, RELEASER, System
from tests.support.polling import eventually


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_a_migration_that_fails_on_a_copy_is_never_put_to_anybody(
    system_with_scratch: System, laravel_at_first: Application, ssh_host: DemoHost, mariadb: DatabaseServer
) -> None:
    system, laravel = system_with_scratch, laravel_at_first
    await laravel.next_commit(CommitKind.FAILING)
    before = await mariadb.columns(laravel.database.name, "users")
    run = await system.ask()
    assert await system.end(run) == "failed"
    assert system.messages("approval", run) == []
    assert "failed on a copy" in system.result(run)
    assert "1062 Duplicate entry" in system.result(run)
    assert changes(ssh_host) == {}
    assert await mariadb.columns(laravel.database.name, "users") == before


async def test_a_failed_migration_stays_for_a_person(
    system: System, laravel: Application, ssh_host: DemoHost, mariadb: DatabaseServer
) -> None:
    run = await system.ask()
    await system.gate(run)
    # what no rehearsal can know: somebody adds the column by hand while the gate is open
    await mariadb.query("ALTER TABLE user_sessions ADD token_id INT", database=laravel.database.name)
    assert await system.approved(run) == "needs_human"
    assert laravel.is_down
    assert system.steps(run)["migrate"] == "failed"
    assert system.steps(run)["maintenance-off"] == "pending"
    ran = changes(ssh_host)
    assert ran["php artisan migrate"] == 1
    assert ran["php artisan up"] == 0
    assert system.payload("result", run)["backup"]
    # it was not rehearsed, so nobody knows what to look for
    await eventually(
        lambda: "the schema does not show whether it began" in system.result(run), 30, what="what became of it"
    )

    # the target is not free, and a restart starts nothing
    waiting = await system.ask(user=RELEASER)
    assert await system.bot.stop() == 0
    await system.bot.start()
    assert system.payload("card", run)["state"] == "needs_human"
    assert system.payload("card", waiting)["state"] == "queued"
    assert changes(ssh_host) == ran

    await laravel.artisan("up")
    await system.press(run, "run_cancel")
    await system.closed(run)
    await mariadb.query("ALTER TABLE user_sessions DROP token_id", database=laravel.database.name)
    assert changes(ssh_host)["php artisan migrate"] == 1
    await eventually(lambda: system.payload("card", waiting)["state"] not in ("queued", "planning"), 30)
    await system.press(waiting, "run_cancel", RELEASER)
    assert await system.end(waiting) == "cancelled"


async def test_a_failed_cache_lifts_the_maintenance_that_this_run_began(
    system: System, laravel: Application, ssh_host: DemoHost
) -> None:
    ssh_host.commands.fail("php artisan view:cache", exit_status=3, stderr="no room for views")
    run = await system.ask()
    assert await system.approved(run) == "failed"
    assert not laravel.is_down
    steps = system.steps(run)
    assert (steps["view-cache"], steps["maintenance-off"], steps["queue-restart"]) == ("failed", "done", "skipped")
    assert changes(ssh_host)["php artisan up"] == 1
    assert "no room for views" in str(system.messages("progress", run))
    assert "exit" in system.result(run)


async def test_a_site_that_was_down_stays_down(system: System, laravel: Application, ssh_host: DemoHost) -> None:
    await laravel.artisan("down")
    ssh_host.commands.forget()
    run = await system.ask()
    assert await system.approved(run) == "succeeded"
    assert laravel.is_down
    ran = changes(ssh_host)
    assert ran["php artisan down"] == ran["php artisan up"] == 0
    assert ran["php artisan migrate"] == 1
    assert "health" not in system.steps(run)
    assert "in maintenance already" in str(system.messages("plan", run))


async def test_cancelling_before_the_gate_and_in_a_step(
    system: System, laravel: Application, ssh_host: DemoHost, mariadb: DatabaseServer
) -> None:
    run = await system.ask()
    await system.gate(run)
    await system.press(run, "run_cancel", ONCALL)
    assert await system.end(run) == "cancelled"
    assert system.payload("approval", run)["state"] == "void"
    assert changes(ssh_host) == {}

    run = await system.ask()
    with ssh_host.commands.hold("php artisan route:cache"):
        system.react(await system.gate(run))
        [held] = await eventually(lambda: ssh_host.commands.ran("php artisan route:cache"), 60)
        assert alive(held.pid)
        await system.press(run, "run_cancel", ENGINEER)
        assert await system.end(run) == "cancelled"
        assert not alive(held.pid)
    assert not laravel.is_down
    assert system.steps(run)["maintenance-off"] == "done"
    assert changes(ssh_host)["php artisan view:cache"] == 0
    assert "token_id" in await mariadb.columns(laravel.database.name, "user_sessions")


async def test_cancelling_a_migration_leaves_it_to_a_person(
    system: System, laravel: Application, ssh_host: DemoHost, mariadb: DatabaseServer
) -> None:
    run = await system.ask()
    with ssh_host.commands.hold("php artisan migrate", laravel.path):
        system.react(await system.gate(run))
        [held] = await eventually(lambda: ssh_host.commands.ran("php artisan migrate", laravel.path), 60)
        await system.press(run, "run_cancel", ENGINEER)
        assert await system.end(run) == "needs_human"
        assert not alive(held.pid)
    assert laravel.is_down
    await eventually(
        lambda: "the schema does not show whether it began" in system.result(run), 30, what="what became of it"
    )
    assert "token_id" not in await mariadb.columns(laravel.database.name, "user_sessions")
