"""Counters of this process. Names follow the conventions of Prometheus; no label names a run or a person."""

from __future__ import annotations

import time
from collections.abc import Awaitable
from importlib.metadata import PackageNotFoundError, version

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)

from bot.engine.ports import Done, Effect, Ending, Failed, Job, NotStarted, Outcome, Output, Performer, Unknown

_STEP_BUCKETS = (0.1, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600)
_RECORD_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 3)
"""Seconds; Slack waits for 3."""

_OUTCOMES = {Done: "done", Failed: "failed", Unknown: "unknown", NotStarted: "not_started"}


class Measures:
    """Counters and histograms, which begin with the process."""

    def __init__(self) -> None:
        # The creation time of each series would be another series, which nobody needs.
        disable_created_metrics()  # type: ignore[no-untyped-call]  # the library does not type it
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        build = Gauge("countersign_build_info", "1, by version", ["version"], registry=self.registry)
        build.labels(_version()).set(1)
        self._steps = Histogram(
            "countersign_step_duration_seconds",
            "How long steps took, as far as this process followed them",
            ["step", "outcome"],
            buckets=_STEP_BUCKETS,
            registry=self.registry,
        )
        self._calls = Counter(
            "countersign_slack_calls", "Calls of Slack's Web API", ["method", "outcome"], registry=self.registry
        )
        self._recording = Histogram(
            "countersign_inbox_recording_seconds",
            "From an event of Slack to its commit, after which it is acknowledged",
            buckets=_RECORD_BUCKETS,
            registry=self.registry,
        )
        self._ssh = Counter(
            "countersign_ssh_failures",
            "Hosts not reached, and connections lost",
            ["host", "reason"],
            registry=self.registry,
        )

    def called(self, method: str, outcome: str) -> None:
        """Count a call of Slack's Web API.

        Args:
            method: such as `chat_postMessage`.
            outcome: `ok`, `refused`, `busy` or `uncertain`.
        """
        self._calls.labels(method, outcome).inc()

    def recorded(self, seconds: float) -> None:
        """Observe how long recording an event took."""
        self._recording.observe(seconds)

    def ssh_failed(self, host: str, reason: str) -> None:
        """Count a host that was not reached, or a connection that was lost."""
        self._ssh.labels(host, reason).inc()

    def step_took(self, step: str, outcome: Outcome, seconds: float) -> None:
        """Observe how long a step took."""
        self._steps.labels(step, _OUTCOMES[type(outcome)]).observe(seconds)


def _version() -> str:
    try:
        return version("countersign")
    except PackageNotFoundError:
        return "unknown"  # run from a source tree that is not installed


class MeasuredPerformer:
    """Wraps a performer, and measures how long its steps take. Implements `Performer`.

    It performs no stretches (`StretchPerformer`), so the program gives its hosts one step after another.

    Args:
        inner: performs the steps.
        measures: the histogram.
    """

    def __init__(self, inner: Performer, measures: Measures) -> None:
        self._inner = inner
        self._measures = measures

    async def perform(self, job: Job, output: Output) -> Outcome:
        """Perform the step."""
        return await self._measured(job, self._inner.perform(job, output))

    async def resume(self, job: Job, output: Output) -> Outcome:
        """Follow the step; its time before this process is not counted."""
        return await self._measured(job, self._inner.resume(job, output))

    async def check(self, job: Job) -> Effect:
        """Ask the other performer."""
        return await self._inner.check(job)

    async def end(self, job: Job) -> Ending:
        """Let the other performer end it."""
        return await self._inner.end(job)

    async def _measured(self, job: Job, work: Awaitable[Outcome]) -> Outcome:
        began = time.monotonic()
        outcome = await work
        self._measures.step_took(job.step.key, outcome, time.monotonic() - began)
        return outcome
