"""Scheduled backups: each firing makes one run, and a missed one is made up for."""

from datetime import UTC, datetime, timedelta

import pytest
from apscheduler.triggers.cron import CronTrigger

from bot.domain.runs.request import Action, Request
from bot.domain.runs.request_json import options_to_json
from bot.domain.runs.run import Run, RunState
from bot.engine.jobs.schedule import GRACE, Schedule, due
from tests.support.examples import NAME, TARGET

NIGHTLY = CronTrigger.from_crontab("0 3 * * *", timezone="UTC")
PARIS = CronTrigger.from_crontab("30 2 * * *", timezone="Europe/Paris")
HOURLY = CronTrigger.from_crontab("0 * * * *", timezone="UTC")


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-11-{text}+00:00")


@pytest.mark.parametrize(
    ("trigger", "now", "expected"),
    [
        (NIGHTLY, "22 02:59", None),
        (NIGHTLY, "22 03:00", "22 03:00"),
        (NIGHTLY, "22 08:59", "22 03:00"),
        (NIGHTLY, "22 09:01", None),
        (HOURLY, "22 12:30", "22 12:00"),
        (PARIS, "22 01:30", "22 01:30"),
    ],
)
def test_what_is_due(trigger: CronTrigger, now: str, expected: str | None) -> None:
    found = due(lambda after: trigger.get_next_fire_time(None, after), at(now), GRACE)
    assert found == (at(expected) if expected else None)


class Clock:
    def __init__(self, now: datetime) -> None:
        self.at = now

    def now(self) -> datetime:
        return self.at


class Front:
    """Makes one run of an event, as the engine does."""

    def __init__(self) -> None:
        self.runs: dict[str, Request] = {}
        self.asked = 0
        self.down = False

    async def submit_scheduled(self, request: Request) -> Run:
        if self.down:
            raise RuntimeError("the store is down")
        self.asked += 1
        self.runs.setdefault(request.origin.event, request)
        return Run("R-7K3F9Q", 1, request, RunState.QUEUED, 1, datetime.now(UTC))


class Firings:
    def __init__(self) -> None:
        self.claimed: set[tuple[str, datetime]] = set()

    async def claim(self, schedule: str, fires_at: datetime, owner: str) -> bool:
        first = (schedule, fires_at) not in self.claimed
        self.claimed.add((schedule, fires_at))
        return first


def schedule_of(front: Front, clock: Clock, firings: Firings) -> Schedule:
    nightly = {NAME: lambda after: NIGHTLY.get_next_fire_time(None, after)}
    return Schedule(firings, front, clock, "here", nightly, {NAME: TARGET})


async def test_a_firing_makes_one_run_however_many_look() -> None:
    front, clock, firings = Front(), Clock(at("22 03:00")), Firings()
    one, other = schedule_of(front, clock, firings), schedule_of(front, clock, firings)
    for _ in range(3):
        await one.tick()
        await other.tick()
        clock.at += timedelta(seconds=15)
    (request,) = front.runs.values()
    assert (request.action, request.origin.user, request.origin.channel) == (Action.BACKUP, "schedule", "C0OPS")
    assert options_to_json(request.options) == {"scheduled": at("22 03:00").isoformat()}
    assert len(firings.claimed) == 1


async def test_a_missed_one_is_made_up_for_and_says_so() -> None:
    front = Front()
    await schedule_of(front, Clock(at("22 05:00")), Firings()).tick()
    (request,) = front.runs.values()
    assert options_to_json(request.options)["missed"] == "yes"


async def test_one_that_could_not_start_is_tried_again() -> None:
    front, firings = Front(), Firings()
    schedule = schedule_of(front, Clock(at("22 03:00")), firings)
    front.down = True
    await schedule.tick()
    assert firings.claimed == set()
    front.down = False
    await schedule.tick()
    await schedule.tick()
    assert (len(front.runs), front.asked) == (1, 1)
