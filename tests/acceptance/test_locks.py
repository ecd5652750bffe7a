"""Locks over days and crashes on the real bot: the owner of a lock is told what became of it, each thing once."""

from datetime import UTC, datetime, timedelta

from bot.domain.names import TargetName
from bot.domain.policies.lock import Lock
from bot.store import open_store
from tests.acceptance.conftest import NewSystem
from tests.acceptance.support.system import ENGINEER, RELEASER, Bot, System
from tests.support.polling import eventually

MORTAL = "tests.acceptance.support.crash"
POINTS = (
    "after commit unlock",
    "after commit mark_intended",
    "after slack chat.postMessage lock",
    "after commit remove",
)
"""Between the commit that takes somebody's lock off and the note that they were told."""


async def dead(bot: Bot) -> None:
    """Wait until it has died."""
    await eventually(lambda: bot.process is not None and bot.process.returncode is not None, 30, what="the bot dies")
    await bot.wait()


async def settled(bot: Bot) -> None:
    """Wait until nobody is left to be told."""
    async with bot.store() as store:

        async def is_settled() -> bool:
            return not await store.lock_notices.waiting()

        await eventually(is_settled, 30, what="nobody is left to be told")


def told(system: System) -> list[str]:
    return [message["text"] for message in system.messages("lock")]


async def test_a_bot_that_dies_after_taking_a_lock_off_tells_its_owner_once(new_system: NewSystem) -> None:
    system = await new_system(module=MORTAL)
    calm = {**system.bot.environment, "PASSED": str(system.bot.folder / "passed")}
    for round_, point in enumerate(POINTS, start=1):
        system.bot.environment = {**calm, "DIE_AT": point}
        await system.bot.start()
        assert "is locked" in await system.answer(f"/ops lock compte production round {round_}", ENGINEER)
        assert "It is not your lock" in await system.answer("/ops unlock compte production", RELEASER)
        await system.press_shown("ops_unlock", RELEASER)
        await dead(system.bot)
        system.bot.environment = calm
        await system.bot.start()
        await eventually(lambda n=round_: len(told(system)) >= n, 30, what="the owner is told")
        assert "Nothing in progress" in await system.answer("/ops status", ENGINEER)
        await settled(system.bot)
        assert await system.bot.stop() == 0
    assert [f"round {round_}" in said for round_, said in enumerate(told(system), start=1)] == [True] * len(POINTS)
    assert all("<@U0AMELIE>: <@U0BOB> removed your lock on" in said for said in told(system))


async def test_the_owner_is_asked_in_the_channel_after_a_day_and_not_again_after_a_restart(
    new_system: NewSystem,
) -> None:
    system = await new_system()
    await system.bot.start()
    await system.bot.stop()
    since = datetime.now(UTC) - timedelta(hours=25)
    async with open_store(f"sqlite+aiosqlite:///{system.bot.folder}/data/countersign.db") as store:
        await store.locks.lock(Lock(TargetName("compte", "production"), RELEASER, "stock taking", since))
    for _ in range(2):
        await system.bot.start()
        await eventually(lambda: told(system), 30, what="the owner is asked")
        assert "🔒 1 × locked" in await system.answer("/ops status", ENGINEER)
        await system.bot.stop()
    [asked] = told(system)
    assert "<@U0BOB>: your lock on *compte production* is still set, since" in asked
    assert "stock taking" in asked
    assert "`/ops unlock compte production` removes it" in asked
