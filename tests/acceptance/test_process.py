"""The process: stopping and starting in the middle of a step, and the console beside it."""

import asyncio

from bot.demo.application.application import Application
from bot.demo.host.host import DemoHost
from tests.acceptance.conftest import NewSystem
from tests.acceptance.support.outside import changes
from tests.acceptance.support.system import System
from tests.support.polling import eventually


async def test_sigterm_in_a_step_leaves_it_running_and_a_restart_adopts_it(
    system: System, laravel: Application, ssh_host: DemoHost
) -> None:
    run = await system.ask()
    with ssh_host.commands.hold("php artisan migrate", laravel.path):
        system.react(await system.gate(run))
        [held] = await eventually(lambda: ssh_host.commands.ran("php artisan migrate", laravel.path), 60)
        assert await system.bot.stop() == 0
        assert held.pid in ssh_host.left_processes()

        # the console reads the same store while the bot is down
        [listed] = await system.bot.json("runs")
        assert (listed["run"], listed["state"]) == (run, "running")
        shown = await system.bot.json("runs", "show", run)
        assert {step["key"]: step["state"] for step in shown["steps"]}["migrate"] == "running"

        await system.bot.start()
    assert await system.end(run) == "succeeded"
    assert changes(ssh_host)["php artisan migrate"] == 1
    assert not laravel.is_down

    [listed] = await system.bot.json("runs", "list")
    assert (listed["run"], listed["state"]) == (run, "succeeded")
    status, log = await system.bot.console("runs", "log", run)
    assert status == 0
    assert "add_token_id_to_user_sessions_table" in log
    assert await system.bot.stop() == 0
    assert await system.bot.console("runs", "log", run) == (status, log)
    assert (await system.bot.console("runs", "show", "R-ZZZZZZ"))[0] == 1


async def test_a_token_that_slack_refuses_ends_the_start_with_its_reason(new_system: NewSystem) -> None:
    system = await new_system(extra={"SLACK_APP_TOKEN": "xapp-1-revoked"})
    await system.bot.launch()
    async with asyncio.timeout(60):
        assert await system.bot.wait() == 2
    said = "\n".join(system.bot.lines)
    assert "Slack refused the app token (SLACK_APP_TOKEN): invalid_auth" in said
    assert "Nothing was started" in said
