"""Counters of this process. Names follow the conventions of Prometheus; no label names a run or a person."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Sequence
from importlib.metadata import PackageNotFoundError, version

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)

from bot.engine.ports import (
    Done,
    Effect,
    Ending,
    Failed,
    Job,
    NotStarted,
    Outcome,
    Output,
    Performer,
    StretchOutput,
    StretchPerformer,
    Unknown,
)

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


def measured(performer: Performer, measures: Measures) -> Performer:
    """Wrap a performer, and measure how long its steps take.

    Args:
        performer: performs the steps.
        measures: the histogram.

    Returns:
        A performer that also performs stretches (`StretchPerformer`) exactly where the wrapped one does.
    """
    if isinstance(performer, StretchPerformer):
        return _MeasuredStretches(performer, measures)
    return _Measured(performer, measures)


class _Measured:
    """Measures the steps of a performer. Implements `Performer`.

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


class _MeasuredStretches(_Measured):
    """Measures the steps of a performer that also performs stretches. Implements `StretchPerformer`.

    Args:
        inner: performs them.
        measures: the histogram.
    """

    def __init__(self, inner: StretchPerformer, measures: Measures) -> None:
        super().__init__(inner, measures)
        self._stretches = inner

    async def perform_stretch(self, jobs: Sequence[Job], output: StretchOutput) -> None:
        """Perform the steps; each takes from the end of the one before to its own."""
        await self._stretches.perform_stretch(jobs, _MeasuredOutput(jobs, output, self._measures))


class _MeasuredOutput:
    """Measures how long the steps of a stretch take by when they end. Implements `StretchOutput`."""

    def __init__(self, jobs: Sequence[Job], inner: StretchOutput, measures: Measures) -> None:
        self._jobs = jobs
        self._inner = inner
        self._measures = measures
        self._began = time.monotonic()

    def of(self, number: int) -> Output:
        """Give what takes the output of a step."""
        return self._inner.of(number)

    async def ended(self, number: int, outcome: Outcome) -> None:
        """Observe how long the step took, and hand its outcome on."""
        now = time.monotonic()
        self._measures.step_took(self._jobs[number].step.key, outcome, now - self._began)
        self._began = now
        await self._inner.ended(number, outcome)
