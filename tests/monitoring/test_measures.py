"""What is measured of steps, alone and in a stretch."""

from __future__ import annotations

from bot.domain.errors import Reason, problem
from bot.engine.ports import Done, Failed, StretchPerformer
from bot.hosts.health import HealthPerformer
from bot.monitoring import Measures, measured
from tests.engine.support.world import Hosts
from tests.hosts.support.jobs import a_job
from tests.hosts.test_stretches import Story


def counted(measures: Measures, step: str, outcome: str) -> float | None:
    labels = {"step": step, "outcome": outcome}
    return measures.registry.get_sample_value("countersign_step_duration_seconds_count", labels)


async def test_each_step_of_a_stretch_is_measured_by_its_own_end() -> None:
    measures, hosts, story = Measures(), Hosts(), Story()
    hosts.script["second"] = failed = Failed(problem(Reason.EXIT_STATUS, status="3"), 3)
    performer = measured(hosts, measures)
    assert isinstance(performer, StretchPerformer)
    jobs = [a_job("true", run="R-1", key=key) for key in ("first", "second", "third")]
    await performer.perform_stretch(jobs, story)
    assert story.ends == [Done({"backup": "B-1"}), failed]
    assert counted(measures, "first", "done") == counted(measures, "second", "failed") == 1
    assert counted(measures, "third", "done") is None


def test_who_performs_no_stretches_performs_none_when_measured() -> None:
    assert not isinstance(measured(HealthPerformer(), Measures()), StretchPerformer)


async def test_a_step_alone_is_measured() -> None:
    measures, hosts = Measures(), Hosts()
    await measured(hosts, measures).perform(a_job("true", run="R-1", key="first"), Story().of(0))
    assert counted(measures, "first", "done") == 1
