"""Asking a host for its health through its own SSH connection, with a real server behind it."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web

from bot.demo.host.host import DemoHost
from bot.domain.errors import Reason
from bot.domain.runs.acts import HostHealth
from bot.engine.ports import Done, Failed, Job
from bot.hosts.connections import Connections
from bot.hosts.host_health import HostHealthPerformer
from bot.hosts.tunnels import Tunnels
from tests.hosts.support.jobs import Kept, a_job

NAME, OTHER = "20261201T055000Z-1a2b3c4", "20261201T054000Z-aaaaaaa"


@asynccontextmanager
async def answering(page: str = "hello", tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Answer with a page that names the host that was asked for, and with a redirect; give the port."""

    async def answer(request: web.Request) -> web.Response:
        return web.Response(text=f"{page} {request.headers['Host']} {request.path_qs}")

    async def redirect(_: web.Request) -> web.Response:
        raise web.HTTPFound("http://elsewhere.invalid/")

    app = web.Application()
    app.router.add_get("/up", answer)
    app.router.add_get("/", answer)
    app.router.add_get("/moved", redirect)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    yield int(runner.addresses[0][1])
    await runner.cleanup()


def asking(url: str, tries: int = 2, release: str | None = None) -> Job:
    job = a_job("", run="R-HEALTH")
    return replace(job, step=replace(job.step, act=HostHealth(url, tries, release), timeout=30))


async def ask(connections: Connections, job: Job) -> tuple[Done | Failed, str]:
    output = Kept()
    output.claimed.set()
    outcome = await HostHealthPerformer(Tunnels(connections).open, 0.01).perform(job, output)
    assert isinstance(outcome, Done | Failed)
    return outcome, output.data.decode()


@pytest.mark.parametrize(("path", "status"), [("/up?deep=1", "200"), ("", "200"), ("/moved", "302")])
async def test_it_is_asked_as_the_host_sees_it(connections: Connections, path: str, status: str) -> None:
    async with answering() as port:
        url = f"http://127.0.0.1:{port}{path}"
        outcome, said = await ask(connections, asking(url))
    assert outcome == Done({"status": status, "url": url})
    assert said == f"GET {url}: {status}\n"


async def test_a_status_of_an_error_is_not_healthy(connections: Connections) -> None:
    async with answering() as port:
        outcome, said = await ask(connections, asking(f"http://127.0.0.1:{port}/none", 3))
    assert isinstance(outcome, Failed)
    assert outcome.problem.reason is Reason.TIMED_OUT
    assert outcome.problem.facts["tries"] == "3"
    assert said.count("404") == 3


@pytest.mark.parametrize(("page", "healthy"), [(NAME, True), ("hello", True), (OTHER, False)])
async def test_an_answer_of_another_release_is_not_healthy(connections: Connections, page: str, healthy: bool) -> None:
    async with answering(page) as port:
        outcome, _ = await ask(connections, asking(f"http://127.0.0.1:{port}/up", release=NAME))
    assert isinstance(outcome, Done) is healthy


async def test_nobody_who_listens_there_is_not_healthy(connections: Connections) -> None:
    async with answering() as port:
        pass
    outcome, _ = await ask(connections, asking(f"http://127.0.0.1:{port}/up"))
    assert isinstance(outcome, Failed)
    assert outcome.problem.facts["error"]


async def test_a_host_that_does_not_answer_is_not_healthy(connections: Connections, server: DemoHost) -> None:
    await server.stop()
    outcome, _ = await ask(connections, asking("http://127.0.0.1:80/up"))
    assert isinstance(outcome, Failed)
    assert outcome.problem.reason is Reason.HOST_UNREACHABLE


async def test_a_certificate_of_nobody_knows_whom_is_not_healthy(connections: Connections, tmp_path: Path) -> None:
    made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    files = ["-keyout", str(tmp_path / "key"), "-out", str(tmp_path / "cert"), "-subj", "/CN=localhost"]
    await asyncio.to_thread(subprocess.run, [*made, *files], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert", tmp_path / "key")
    async with answering(tls=context) as port:
        outcome, said = await ask(connections, asking(f"https://localhost:{port}/up", 1))
    assert isinstance(outcome, Failed)
    assert "certificate" in said.lower()
