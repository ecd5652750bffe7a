"""The process: stopping and starting in the middle of a step, and the console beside it."""

from bot.demo.application.application import Application
from bot.demo.host.host import Host
from tests.acceptance.support.outside import changes
from tests.acceptance.support.stage import Stage
from tests.support.polling import eventually


async def test_sigterm_in_a_step_leaves_it_running_and_a_restart_adopts_it(
    stage: Stage, laravel: Application, ssh_host: Host
) -> None:
    run = await stage.ask()
    with ssh_host.commands.hold("php artisan migrate", laravel.path):
        stage.react(await stage.gate(run))
        [held] = await eventually(lambda: ssh_host.commands.ran("php artisan migrate", laravel.path), 60)
        assert await stage.bot.stop() == 0
        assert held.pid in ssh_host.left_processes()

        # the console reads the same store while the bot is down
        [listed] = await stage.bot.json("runs")
        assert (listed["run"], listed["state"]) == (run, "running")
        shown = await stage.bot.json("runs", "show", run)
        assert {step["key"]: step["state"] for step in shown["steps"]}["migrate"] == "running"

        await stage.bot.start()
    assert await stage.end(run) == "succeeded"
    assert changes(ssh_host)["php artisan migrate"] == 1
    assert not laravel.is_down

    [listed] = await stage.bot.json("runs", "list")
    assert (listed["run"], listed["state"]) == (run, "succeeded")
    status, log = await stage.bot.console("runs", "log", run)
    assert status == 0
    assert "add_token_id_to_user_sessions_table" in log
    assert await stage.bot.stop() == 0
    assert await stage.bot.console("runs", "log", run) == (status, log)
    assert (await stage.bot.console("runs", "show", "R-ZZZZZZ"))[0] == 1
