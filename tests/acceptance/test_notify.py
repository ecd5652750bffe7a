"""Telling others on the running bot: signed, at least once, in order, and never in a run's way."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bot.demo.application.application import Application
from bot.demo.receiver import DemoReceiver
from tests.acceptance.conftest import NewSystem
from tests.support.polling import eventually

WANTED = ["run.requested", "approval.opened", "approval.approved", "run.started", "run.succeeded"]


@pytest.fixture
async def receiver() -> AsyncIterator[DemoReceiver]:
    async with DemoReceiver() as serving:
        yield serving


async def test_others_are_told_after_an_outage_and_a_crash_too(
    new_system: NewSystem, receiver: DemoReceiver, laravel: Application
) -> None:
    told = {"url": receiver.url, "secret": "${HOOKS_SECRET}", "events": WANTED, "allow_private": True}
    system = await new_system(notify=[told], extra={"HOOKS_SECRET": receiver.secret})
    await system.bot.start()
    receiver.is_down = True
    run = await system.ask("/deploy compte production --no-migrate")
    await system.gate(run)
    await system.bot.kill()
    await system.bot.start()
    assert await system.approved(run) == "succeeded"
    assert receiver.told == []

    receiver.is_down = False
    await eventually(lambda: len(receiver.told) == len(WANTED), 90, what="everything is told")
    assert receiver.told == WANTED
    assert receiver.forged == 0
    assert receiver.secret not in "\n".join(system.bot.lines)
