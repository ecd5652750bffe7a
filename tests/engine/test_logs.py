"""What happens to a run is in the log too, and each record says for which run and step it is."""

from __future__ import annotations

from typing import Any

import structlog
from structlog.testing import capture_logs

from bot.domain.runs.run import RunState
from tests.engine.support.world import APPROVE, SmallWorld
from tests.engine.test_runs import ENDS


async def test_each_record_names_its_run_and_its_step(world: SmallWorld) -> None:
    def somebody_below(key: str) -> None:
        structlog.get_logger("bot.hosts").warning("from_below", about=key)

    world.hosts.at_start = somebody_below
    with capture_logs(processors=[structlog.contextvars.merge_contextvars]) as found:
        run = await world.submit()
        await world.until(run, RunState.AWAITING_APPROVAL)
        world.people.said["U0BOB"] = APPROVE
        world.engine.wake(run)
        await world.until(run, *ENDS)
    records: list[dict[str, Any]] = [dict(record) for record in found]
    assert {record.get("run") for record in records} == {run}
    below = [record for record in records if record["event"] == "from_below"]
    assert below
    assert all(record["step"] == record["about"] for record in below)
    steps = [record for record in records if record["event"].startswith("step_")]
    assert all(record["step"] and record["place"] for record in steps)
    told = [record["event"] for record in records]
    assert [event for event in ("requested", "planned", "gate_opened", "vote", "gate_approved") if event in told] == [
        "requested",
        "planned",
        "gate_opened",
        "vote",
        "gate_approved",
    ]
    assert next(record["actor"] for record in records if record["event"] == "vote") == "U0BOB"
