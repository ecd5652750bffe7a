"""A deploy that failed behind its checkout, mended and retried: what was left undone is done, countersigned again."""

from bot.demo.application.application import Application
from bot.demo.host.host import DemoHost
from tests.acceptance.support.outside import changes
from tests.acceptance.support.system import System
from tests.support.polling import eventually


async def test_a_retry_after_a_service_did_not_restart_goes_on_from_there(
    system: System, laravel: Application, ssh_host: DemoHost
) -> None:
    unit = "php8.2-fpm"
    ssh_host.commands.fail_unit(unit)
    run = await system.ask()
    assert await system.approved(run) == "failed"
    assert await laravel.head() == await laravel.tip()
    assert system.steps(run)[f"restart-{unit}"] == "failed"
    assert f"*Not restarted:* {unit}, queue workers. The old code is still running there" in system.result(run)

    ssh_host.commands.forget()
    before = len(system.messages("card"))
    await system.press(run, "run_retry")
    retried = (await eventually(lambda: system.messages("card")[before:], what="the run of the retry"))[-1]
    retried_run = retried["metadata"]["event_payload"]["run"]
    request = await system.gate(retried_run)
    assert changes(ssh_host) == {}
    assert f"Completes run `{run}`" in str(system.messages("plan", retried_run))
    assert f"Restart {unit}" in str(system.messages("plan", retried_run))
    system.react(request)
    assert await system.end(retried_run) == "succeeded"
    assert changes(ssh_host) == {"systemctl restart": 1, "php artisan queue:restart": 1}
    assert len(ssh_host.commands.ran(f"systemctl restart {unit}")) == 1
    assert "old code" not in system.result(retried_run)

    again = await system.ask()
    assert await system.end(again) == "succeeded"
    assert "Nothing to do" in system.result(again)
    assert system.messages("approval", again) == []
