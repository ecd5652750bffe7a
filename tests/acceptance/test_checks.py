"""The word of continuous integration on the running bot, with a forge on loopback."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bot.demo.application.application import Application
from bot.demo.forge import DemoForge
from bot.demo.host.host import DemoHost
from tests.acceptance.conftest import NewSystem
from tests.acceptance.support.outside import changes

DEPLOY = "/deploy compte production --no-migrate"


@pytest.fixture
async def forge() -> AsyncIterator[DemoForge]:
    async with DemoForge() as serving:
        yield serving


async def test_nothing_but_green_is_deployed(
    new_system: NewSystem, forge: DemoForge, laravel: Application, ssh_host: DemoHost
) -> None:
    system = await new_system(app={"repository": forge.repository, "checks": ["phpunit"]}, extra={"FORGE_TOKEN": "t0k"})
    await system.bot.start()
    forge.say("failure")
    refused = await system.ask(DEPLOY)
    assert await system.end(refused) == "failed"
    assert "phpunit (failure)" in system.result(refused)
    assert f"{forge.repository}/runs/2" in system.result(refused)

    # Red after the approval was asked for: it is read again right before the first change.
    forge.say("success")
    run = await system.ask(DEPLOY)
    request = await system.gate(run)
    assert "CI is green" in str(system.messages("plan", run)[-1]["blocks"])
    forge.say("timed_out")
    system.react(request)
    assert await system.end(run) == "failed"
    assert system.payload("approval", run)["state"] == "void"
    assert "CI check phpunit" in system.result(run)
    assert "timed_out" in system.result(run)
    assert changes(ssh_host) == {}

    # A re-run that is green again counts.
    forge.say("success")
    run = await system.ask(DEPLOY)
    request = await system.gate(run)
    forge.say("in_progress")
    forge.say("success")
    system.react(request)
    assert await system.end(run) == "succeeded"
    assert await laravel.head() == await laravel.tip()
