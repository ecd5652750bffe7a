"""Asking a health URL of a real HTTP server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

import pytest
from aiohttp import web

from bot.domain.errors import Reason
from bot.domain.runs.acts import Health
from bot.engine.ports import Done, Failed, Job
from bot.hosts.health import HealthPerformer
from tests.hosts.support.jobs import Kept, a_job


@dataclass
class Site:
    """Answers with the statuses it was told, then with the last one."""

    base: str = ""
    statuses: list[int] = field(default_factory=list)
    asked: int = 0

    async def answer(self, request: web.Request) -> web.Response:
        self.asked += 1
        return web.Response(status=self.statuses[min(self.asked, len(self.statuses)) - 1])

    async def hop(self, request: web.Request) -> web.Response:
        left = int(request.match_info["left"])
        raise web.HTTPFound(f"/hop/{left - 1}" if left > 1 else "/")


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    site = Site()
    app = web.Application()
    app.router.add_get("/", site.answer)
    app.router.add_get("/hop/{left}", site.hop)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    site.base = "http://{}:{}".format(*runner.addresses[0][:2])
    yield site
    await runner.cleanup()


def asking(url: str, tries: int, timeout: int = 30) -> Job:
    job = a_job("", run="R-HEALTH")
    return replace(job, step=replace(job.step, act=Health(url, tries), hosts=(), timeout=timeout), place="-")


def claimed() -> Kept:
    output = Kept()
    output.claimed.set()
    return output


@pytest.mark.parametrize("status", [200, 204, 304, 399])
async def test_a_status_below_400_is_fine(site: Site, status: int) -> None:
    site.statuses = [status]
    outcome = await HealthPerformer(0.01).perform(asking(f"{site.base}/", 3), claimed())
    assert outcome == Done({"status": str(status), "url": f"{site.base}/"})
    assert site.asked == 1


async def test_it_is_asked_again_until_it_answers_well(site: Site) -> None:
    site.statuses = [503, 500, 200]
    output = claimed()
    outcome = await HealthPerformer(0.01).perform(asking(f"{site.base}/", 5), output)
    assert isinstance(outcome, Done)
    assert output.data.decode().splitlines() == [f"GET {site.base}/: {status}" for status in (503, 500, 200)]


async def test_it_fails_with_the_last_status(site: Site) -> None:
    site.statuses = [500, 404]
    outcome = await HealthPerformer(0.01).perform(asking(f"{site.base}/", 2), claimed())
    assert isinstance(outcome, Failed)
    assert outcome.problem.reason is Reason.TIMED_OUT
    assert dict(outcome.problem.facts) == {"url": f"{site.base}/", "status": "404", "tries": "2"}


async def test_five_redirects_are_followed_and_no_more(site: Site) -> None:
    site.statuses = [200]
    assert isinstance(await HealthPerformer(0.01).perform(asking(f"{site.base}/hop/5", 1), claimed()), Done)
    outcome = await HealthPerformer(0.01).perform(asking(f"{site.base}/hop/6", 1), claimed())
    assert isinstance(outcome, Failed)
    assert "redirects" in outcome.problem.facts["error"]


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "http://no-such-host.invalid/", "not a url"])
async def test_no_answer_is_a_failure_with_its_error(url: str) -> None:
    outcome = await HealthPerformer(0.01).perform(asking(url, 2), claimed())
    assert isinstance(outcome, Failed)
    assert outcome.problem.facts["error"]


async def test_the_time_limit_ends_it(site: Site) -> None:
    site.statuses = [500]
    outcome = await HealthPerformer(0.3).perform(asking(f"{site.base}/", 1000, timeout=1), claimed())
    assert isinstance(outcome, Failed)
    assert int(outcome.problem.facts["tries"]) < 10


NAME, OTHER = "20261201T055000Z-1a2b3c4", "20261201T054000Z-aaaaaaa"


@pytest.mark.parametrize(
    ("page", "header", "line"),
    [
        (f'<meta name="release" content="{NAME}">', "", f": 200, by the release {NAME}"),
        ("hello", NAME, f": 200, by the release {NAME}"),
        ("hello", "", ": 200; it is not proven which release answered"),
        (OTHER, "", f": 200, by the release {OTHER}"),
    ],
)
async def test_which_release_answered_is_told_and_another_one_is_not_enough(page: str, header: str, line: str) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(text=page, headers={"X-Release": header})

    app = web.Application()
    app.router.add_get("/", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = "http://{}:{}/".format(*runner.addresses[0][:2])
    job = asking(url, 2)
    job = replace(job, step=replace(job.step, act=Health(url, 2, NAME)))
    output = claimed()
    outcome = await HealthPerformer(0.01).perform(job, output)
    await runner.cleanup()
    assert isinstance(outcome, Failed if page == OTHER else Done)
    assert line in output.data.decode()
