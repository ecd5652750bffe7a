"""What monitoring reads over HTTP: `/healthz`, `/readyz` and `/metrics` (Prometheus text)."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, ProcessCollector, generate_latest

from bot.domain.run import Run, RunState

_RECENT = 500


class Line(Protocol):
    """The line to Slack."""

    @property
    def connected(self) -> bool:
        """Whether a socket stands."""
        ...

    @property
    def socket_age(self) -> float:
        """Seconds since that last changed."""
        ...

    @property
    def behind(self) -> int:
        """Runs that Slack does not agree with yet."""
        ...


class Runs(Protocol):
    """The store, for reading."""

    async def recent(self, limit: int) -> tuple[Run, ...]:
        """Read the latest runs, newest first."""
        ...


class Monitoring:
    """Reads the state of the bot.

    Args:
        line: to Slack.
        runs: the store.
    """

    def __init__(self, line: Line, runs: Runs) -> None:
        self._line = line
        self._runs = runs
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._states = Gauge(
            "countersign_runs", f"Runs by state, among the latest {_RECENT}", ["state"], registry=self._registry
        )
        self._connected = Gauge("countersign_slack_connected", "1 while a socket stands", registry=self._registry)
        self._age = Gauge(
            "countersign_slack_socket_age_seconds", "Since the line last changed", registry=self._registry
        )
        self._behind = Gauge(
            "countersign_slack_runs_behind", "Runs that Slack does not agree with yet", registry=self._registry
        )

    async def ready(self) -> bool:
        """Whether Slack is connected and the store answers."""
        await self._runs.recent(1)
        return self._line.connected

    async def metrics(self) -> bytes:
        """Give the metrics as Prometheus text."""
        counted = Counter(run.state for run in await self._runs.recent(_RECENT))
        for state in RunState:
            self._states.labels(state.value).set(counted[state])
        self._connected.set(1 if self._line.connected else 0)
        self._age.set(self._line.socket_age)
        self._behind.set(self._line.behind)
        return generate_latest(self._registry)


@asynccontextmanager
async def serve_monitoring(host: str, port: int, monitoring: Monitoring) -> AsyncIterator[None]:
    """Serve monitoring at an address until the end of the block.

    Args:
        host: to listen on.
        port: to listen on.
        monitoring: what is served.

    Raises:
        OSError: the address cannot be listened on.
    """

    async def healthz(_: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def readyz(_: web.Request) -> web.Response:
        try:
            ready = await monitoring.ready()
        except Exception:
            return web.Response(status=503, text="the store does not answer\n")
        return web.Response(text="ready\n") if ready else web.Response(status=503, text="not connected to Slack\n")

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=await monitoring.metrics(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.add_routes([web.get("/healthz", healthz), web.get("/readyz", readyz), web.get("/metrics", metrics)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        yield
    finally:
        await runner.cleanup()
