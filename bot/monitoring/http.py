"""Serving the state of the bot over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

from bot.monitoring.state import Monitoring


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
        lacks = monitoring.lacks()
        if lacks:
            return web.Response(status=503, text=f"{lacks}\n")
        # A channel without the bot is no reason to start it anew: the status stays that of a bot that is ready.
        return web.Response(text="".join(f"{line}\n" for line in ("ready", *monitoring.hints())))

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
