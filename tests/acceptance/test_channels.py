"""A channel without the bot: nothing is started, and whoever asked is told what to do."""

from __future__ import annotations

from bot.demo.application.application import Application
from bot.demo.host.host import DemoHost
from tests.acceptance.support.outside import changes
from tests.acceptance.support.system import CHANNEL, System
from tests.support.polling import eventually

BOT = "U0COUNTER"


async def test_nothing_is_started_in_a_channel_that_the_bot_is_not_in(
    system: System, laravel: Application, ssh_host: DemoHost
) -> None:
    members = system.playground.state.conversation(CHANNEL).members
    members.remove(BOT)
    said = await system.answer("/deploy compte production")
    assert f"I'm not in <#{CHANNEL}>" in said
    assert f"<@{BOT}>" in said
    assert "/invite" in said
    assert "Nothing was started" in said
    assert await system.bot.json("runs") == []
    assert changes(ssh_host) == {}
    # Invited, it does the very same at once.
    members.append(BOT)
    run = await system.ask()
    await system.gate(run)


async def test_a_bot_that_is_put_out_meanwhile_tells_who_asked_and_goes_on_where_it_is_invited_again(
    system: System, laravel: Application, ssh_host: DemoHost
) -> None:
    run = await system.ask()
    await system.gate(run)
    members = system.playground.state.conversation(CHANNEL).members
    members.remove(BOT)
    await system.bot.console("runs", "cancel", run)
    direct = system.playground.state.conversation("U0AMELIE").messages
    await eventually(lambda: direct, 30, what="a direct message")
    assert run in next(iter(direct.values())).text
    members.append(BOT)
    await eventually(lambda: system.payload("result", run), 90, what="the outcome")
    assert changes(ssh_host) == {}
