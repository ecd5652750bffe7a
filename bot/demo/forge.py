"""Stands for the forge: answers as GitHub's API does about one check, which the menu turns red and green."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from aiohttp import web

from bot.demo.processes.ports import LOOPBACK

REPOSITORY, CHECK = "acme/compte", "phpunit"
_API = f"/api/v3/repos/{REPOSITORY}/commits/{{ref}}"


class DemoForge:
    """A forge with one repository and one check, which says the same of every commit. As a context manager it serves.

    Attributes:
        word: what the check says of every commit: a conclusion, or a status of one that has not ended.
    """

    def __init__(self) -> None:
        self.word = "success"
        self._attempt = 1
        application = web.Application()
        application.router.add_get(f"{_API}/check-runs", self._check_runs)
        application.router.add_get(f"{_API}/status", self._status)
        application.router.add_get(_API, self._commit)
        application.router.add_get("/{page:.*}", self._page)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.5)

    @property
    def repository(self) -> str:
        """Address of the repository's page, once it serves."""
        return f"http://{LOOPBACK}:{self._runner.addresses[0][1]}/{REPOSITORY}"

    def say(self, word: str) -> None:
        """Let another attempt of the check say something else.

        Args:
            word: as in `word`.
        """
        self.word = word
        self._attempt += 1

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        await web.TCPSite(self._runner, LOOPBACK, 0).start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()

    async def _check_runs(self, request: web.Request) -> web.Response:
        waits = self.word in {"queued", "in_progress"}
        run = {
            "id": self._attempt,
            "name": CHECK,
            "head_sha": request.match_info["ref"],
            "status": self.word if waits else "completed",
            "conclusion": None if waits else self.word,
            "html_url": f"{self.repository}/runs/{self._attempt}",
        }
        return web.json_response({"total_count": 1, "check_runs": [run]})

    async def _status(self, request: web.Request) -> web.Response:
        return web.json_response({"sha": request.match_info["ref"], "total_count": 0, "statuses": []})

    async def _commit(self, request: web.Request) -> web.Response:
        return web.json_response({"sha": request.match_info["ref"]})

    async def _page(self, request: web.Request) -> web.Response:
        return web.Response(text=f"The forge of the demonstration. Here would be {request.path}.")
