"""`countersign runs cancel`: asked beside the bot, taken by the bot, now or when it is back."""

import asyncio
import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from bot.console.run_cancel import cancel_question
from bot.console.store_access import ask
from bot.domain.errors import Reason, problem
from bot.domain.runs.run import RunState
from bot.engine.ports import Failed
from bot.store import open_request_writer
from bot.store.history.verify import first_broken
from tests.engine.support.world import SmallWorld, store_url
from tests.engine.test_runs import CHANGES, ENDS, _approved, _stuck_in
from tests.support.polling import eventually


@pytest.fixture
def console(tmp_path: Path) -> Callable[..., object]:
    """Run `countersign runs cancel` on the store of the world, as another process would."""
    env = tmp_path / "console.env"
    env.write_text(f"STORE_URL={store_url(tmp_path)}\n")

    async def typed(run: str, patience: float = 10.0, *, as_json: bool = False) -> tuple[int, str]:
        out, err = StringIO(), StringIO()
        question = cancel_question(run, as_json=as_json, patience=patience)
        status = await ask(env, {}, question, Console(file=out), Console(file=err), open_request_writer)
        return status, out.getvalue() + err.getvalue()

    return typed


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.engine.supervisor.SWEEP_SECONDS", 0.05)


async def test_a_run_that_waits_is_cancelled_by_the_bot_that_runs(world: SmallWorld, console: Callable) -> None:
    await world.engine.start()
    run = await world.submit()
    await world.until(run, RunState.AWAITING_APPROVAL)
    status, said = await console(run.lower().removeprefix("r-"))
    assert status == 0
    assert f"the bot is cancelling {run}: it ends, and nothing in production was changed" in said
    ended = await world.until(run, *ENDS)
    assert ended.state is RunState.CANCELLED
    assert ended.cancelled_by.startswith("console:")
    asked = [record.entry for record in await world.store.history.of_run(run) if record.entry.event == "cancel_asked"]
    assert [entry.actor for entry in asked] == [ended.cancelled_by]
    assert not CHANGES & {key for key, _, _ in world.hosts.ledger}
    assert "is over already (cancelled); nothing was done" in (await console(run))[1]


async def test_a_step_that_runs_is_ended(world: SmallWorld, console: Callable) -> None:
    await world.engine.start()
    run, _ = await _stuck_in(world, "config-cache")
    _, said = await console(run)
    assert "its running step is ended on the host" in said
    assert (await world.until(run, *ENDS)).state is RunState.CANCELLED
    assert "config-cache" in world.hosts.ended


async def test_a_run_that_waits_for_a_person_is_closed(world: SmallWorld, console: Callable) -> None:
    world.hosts.script["migrate"] = Failed(problem(Reason.EXIT_STATUS), 1)
    await world.engine.start()
    held = await _approved(world)
    assert held.state is RunState.NEEDS_HUMAN
    assert "it is closed" in (await console(held.id))[1]
    assert (await world.until(held.id, RunState.CANCELLED)).ended


async def test_while_the_bot_is_down_it_says_so_and_the_bot_takes_it_when_it_is_back(
    world: SmallWorld, console: Callable
) -> None:
    run = await world.submit()
    await world.until(run, RunState.AWAITING_APPROVAL)
    await world.engine.drain()
    status, said = await console(run, 0.05)
    assert status == 0
    assert "the bot has not taken it" in said
    assert "when it is back" in said
    assert json.loads((await console(run, 0.05, as_json=True))[1]) == {
        "run": run, "state": "awaiting_approval", "asked": True, "taken": False,
    }  # fmt: skip
    assert (await world.run(run)).state is RunState.AWAITING_APPROVAL
    await world.new_engine().start()
    assert (await world.until(run, *ENDS)).state is RunState.CANCELLED
    assert await world.store.cancel_requests.waiting() == ()
    assert (await world.events(run)).count("cancel_asked") == 1


async def test_what_is_not_there_is_not_cancelled(world: SmallWorld, console: Callable) -> None:
    status, said = await console("R-NOPE42")
    assert status == 1
    assert "no such run" in said


async def test_the_bot_goes_on_writing_while_the_console_asks(world: SmallWorld, console: Callable) -> None:
    run = await world.submit()
    await world.until(run, RunState.AWAITING_APPROVAL)
    await world.engine.drain()
    asked = asyncio.gather(*(console(run, 0.0) for _ in range(5)))
    for number in range(50):
        await world.store.schedule_claims.claim("busy", world.clock.now().replace(microsecond=number), "bot")
    assert {status for status, _ in await asked} == {0}
    await eventually(lambda: world.store.cancel_requests.waiting(), 5)
    assert (await first_broken(world.store.history)) is None
