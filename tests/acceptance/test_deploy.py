"""The first deploy, from outside: what is typed, what is reacted, what stands in the thread, what is on the host."""

from bot.demo.application import Application
from bot.demo.database import DatabaseServer
from bot.demo.host import Host
from tests.acceptance.stage import Stage

COLUMN = "token_id"


async def test_a_countersigned_deploy_brings_the_column(
    stage: Stage, laravel: Application, mariadb: DatabaseServer, ssh_host: Host
) -> None:
    before = await laravel.head()
    await stage.type("/deploy compte production")
    [run] = await stage.runs(1)
    request = await stage.gate(run)
    assert await laravel.head() == before
    assert not laravel.is_down
    stage.react(request)
    assert await stage.end(run) == "succeeded"
    assert await laravel.head() == await laravel.tip()
    columns = await mariadb.columns(laravel.database.name, "user_sessions")
    assert COLUMN in str(columns)
    assert len(ssh_host.commands.ran("php artisan migrate")) >= 1
