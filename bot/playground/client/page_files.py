"""Serves the page: plain files, nothing from elsewhere."""

from __future__ import annotations

from pathlib import Path

from aiohttp import web

PAGE = Path(__file__).parents[1] / "page"

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def add_page(application: web.Application) -> None:
    """Add the routes of the page and its files."""
    application.router.add_get("/", _index)
    application.router.add_get("/archives/{channel}/{message}", _index)
    application.router.add_static("/page/", PAGE)


async def _index(_request: web.Request) -> web.FileResponse:
    headers = {"Content-Security-Policy": _POLICY, "Cache-Control": "no-cache"}
    return web.FileResponse(PAGE / "index.html", headers=headers)
