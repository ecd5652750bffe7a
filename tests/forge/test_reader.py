"""Reading checks over HTTP: from a forge on loopback that is well, slow, cut, wrong, or leads elsewhere."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from urllib.parse import unquote

import pytest
from aiohttp import web

from bot.domain.secrets import Secret
from bot.domain.targets.forge import CheckState, CommitCheck, ForgeKind, ForgeSilence, Repository
from bot.forge.reader import ForgeReader, api_of

SHA = "b" * 40
TOKEN = "ghp_correct_horse_battery"
GREEN = (CommitCheck("tests", CheckState.SUCCESS, "success"),)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Forge:
    """A forge on loopback.

    Args:
        answer: to every question.
    """

    def __init__(self, answer: Handler) -> None:
        self.answer = answer
        self.asked: list[web.Request] = []
        self.url = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request)
        return await self.answer(request)

    def repository(self, path: str = "acme/compte", kind: ForgeKind = ForgeKind.GITHUB) -> Repository:
        return Repository(f"{self.url}/{path}", kind)


@pytest.fixture
async def serve() -> AsyncIterator[Callable[[Handler], Awaitable[Forge]]]:
    async with AsyncExitStack() as stack:

        async def start(answer: Handler) -> Forge:
            forge = Forge(answer)
            app = web.Application()
            app.router.add_route("*", "/{rest:.*}", forge.handle)
            runner = web.AppRunner(app, shutdown_timeout=0.1)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            forge.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            return forge

        yield start


Serve = Callable[[Handler], Awaitable[Forge]]


def reader(**limits: float) -> ForgeReader:
    return ForgeReader(Secret(TOKEN), pause=0.01, **{"seconds": 5.0, **limits})


def runs(*found: tuple[int, str, str], total: int | None = None) -> dict[str, object]:
    listed = [
        {"id": number, "name": name, "head_sha": SHA, "status": "completed", "conclusion": word}
        for number, name, word in found
    ]
    return {"total_count": len(listed) if total is None else total, "check_runs": listed}


NO_STATUS = {"sha": SHA, "total_count": 0, "statuses": []}


def github(check_runs: object, statuses: object = NO_STATUS) -> Handler:
    async def answer(request: web.Request) -> web.Response:
        return web.json_response(check_runs if request.path.endswith("check-runs") else statuses)

    return answer


async def test_github_is_asked_for_the_latest_check_runs_and_statuses_with_the_token(serve: Serve):
    forge = await serve(github(runs((1, "tests", "success"))))
    assert await reader().checks(forge.repository(), SHA, ("tests",)) == GREEN
    base = f"/api/v3/repos/acme/compte/commits/{SHA}"
    assert [request.path_qs for request in forge.asked] == [
        f"{base}/check-runs?filter=latest&per_page=100&page=1",
        f"{base}/status?per_page=100&page=1",
    ]
    assert {request.headers["Authorization"] for request in forge.asked} == {f"Bearer {TOKEN}"}


async def test_gitlab_is_asked_by_the_whole_path_of_the_project(serve: Serve):
    async def answer(request: web.Request) -> web.Response:
        return web.json_response([{"id": 1, "sha": SHA, "name": "tests", "status": "success", "target_url": None}])

    forge = await serve(answer)
    repository = forge.repository("acme/web/compte", ForgeKind.GITLAB)
    assert await reader().checks(repository, SHA, ("tests",)) == GREEN
    (request,) = forge.asked
    assert request.raw_path.startswith("/api/v4/projects/acme%2Fweb%2Fcompte/repository/commits/")
    assert unquote(request.path).endswith(f"{SHA}/statuses")


async def test_every_page_is_read(serve: Serve):
    pages = {
        "1": runs(*((number, f"unit {number}", "success") for number in range(100)), total=101),
        "2": runs((200, "tests", "success"), total=101),
    }

    async def answer(request: web.Request) -> web.Response:
        if request.path.endswith("status"):
            return web.json_response(NO_STATUS)
        return web.json_response(pages[request.query["page"]])

    forge = await serve(answer)
    assert await reader().checks(forge.repository(), SHA, ("tests",)) == GREEN


async def test_the_next_page_is_read_where_a_header_names_one(serve: Serve):
    async def answer(request: web.Request) -> web.Response:
        number = int(request.query["page"])
        headers = {"Link": '<http://forge/next>; rel="next"'} if number == 1 else {}
        word = "success" if number == 1 else "failed"
        return web.json_response([{"id": number, "sha": SHA, "name": "tests", "status": word}], headers=headers)

    forge = await serve(answer)
    (check,) = await answered(reader(), forge.repository("a/b/c", ForgeKind.GITLAB))
    assert check.word == "failed"


async def answered(read: ForgeReader, repository: Repository) -> tuple[CommitCheck, ...]:
    answer = await read.checks(repository, SHA, ("tests",))
    assert not isinstance(answer, ForgeSilence), answer
    return answer


async def silence(read: ForgeReader, repository: Repository) -> str:
    answer = await read.checks(repository, SHA, ("tests",))
    assert isinstance(answer, ForgeSilence), answer
    return answer.why


@pytest.mark.parametrize(
    ("status", "headers", "why", "times"),
    [
        (500, {}, "it answers 500", 3),
        (503, {}, "it answers 503", 3),
        (401, {}, "it refuses FORGE_TOKEN (401)", 1),
        (403, {}, "it refuses FORGE_TOKEN (403)", 1),
        (403, {"X-RateLimit-Remaining": "0"}, "its rate limit is used up (403)", 1),
        (403, {"Retry-After": "60"}, "its rate limit is used up (403)", 1),
        (429, {}, "its rate limit is used up (429)", 1),
        (404, {}, "it shows no such repository or commit (404)", 1),
        (422, {}, "it does not know the commit (422)", 1),
        (204, {}, "it answers 204", 1),
        (418, {}, "it answers 418", 1),
    ],
)
async def test_whatever_is_no_answer_is_said(status: int, headers: dict[str, str], why: str, times: int, serve: Serve):
    async def answer(request: web.Request) -> web.Response:
        return web.json_response(runs((1, "tests", "success")), status=status, headers=headers)

    forge = await serve(answer)
    assert await silence(reader(), forge.repository()) == why
    assert len(forge.asked) == times


async def test_without_a_token_none_is_sent_and_a_refusal_says_so(serve: Serve):
    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=401)

    forge = await serve(answer)
    assert await silence(ForgeReader(None), forge.repository()) == "it asks for FORGE_TOKEN (401)"
    assert "Authorization" not in forge.asked[0].headers


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "the answer is no JSON"),
        (b"<html>sign in</html>", "the answer is no JSON"),
        (json.dumps(runs((1, "tests", "success"))).encode()[:-9], "the answer is no JSON"),
        (b"[" * 200_000, "the answer is no JSON"),
        (b"{}", "the answer cannot be used: a list is missing"),
        (json.dumps(runs(total=3)).encode(), "the answer cannot be used: the list is not complete"),
        (b" " * (9 << 20), "the answer is too long"),
    ],
    ids=["empty", "a page", "half", "deep", "another object", "fewer than it says", "endless"],
)
async def test_garbage_is_never_green(body: bytes, why: str, serve: Serve):
    async def answer(request: web.Request) -> web.Response:
        return web.Response(body=body, content_type="application/json")

    forge = await serve(answer)
    assert await silence(reader(), forge.repository()) == why


async def test_an_answer_that_is_cut_off(serve: Serve):
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "5000"})
        await response.prepare(request)
        await response.write(b'{"total_count": 1, "check_runs": [')
        assert request.transport is not None
        request.transport.abort()
        return response

    forge = await serve(answer)
    assert await silence(reader(), forge.repository()) in {"the answer was cut off", "no connection: ClientOSError"}


async def test_a_slow_forge_is_not_waited_for(serve: Serve):
    async def answer(request: web.Request) -> web.Response:
        await asyncio.sleep(60)
        return web.Response()

    forge = await serve(answer)
    assert await silence(reader(seconds=0.05), forge.repository()) == "no answer within 0.05 seconds"
    assert await silence(reader(whole=0.2), forge.repository()) == "no answer within 0.2 seconds"


async def test_a_forge_that_is_not_there(unused_tcp_port: int):
    repository = Repository(f"http://127.0.0.1:{unused_tcp_port}/acme/compte", ForgeKind.GITHUB)
    assert (await silence(reader(), repository)).startswith("no connection: ")


async def test_a_failure_that_passes_is_tried_again(serve: Serve):
    good = github(runs((1, "tests", "success")))

    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(status=502) if len(forge.asked) < 3 else await good(request)

    forge = await serve(answer)
    assert await reader().checks(forge.repository(), SHA, ("tests",)) == GREEN


async def test_a_renamed_repository_is_followed_at_the_same_forge_alone(serve: Serve):
    good = github(runs((1, "tests", "success")))
    elsewhere = await serve(good)

    async def answer(request: web.Request) -> web.StreamResponse:
        if "/repos/acme/compte/" in request.path:
            raise web.HTTPMovedPermanently(str(request.rel_url).replace("/repos/acme/compte/", "/repositories/7/"))
        if "/repos/acme/lost/" in request.path:
            raise web.HTTPTemporaryRedirect(f"{elsewhere.url}{request.rel_url}")
        if "/repos/acme/round/" in request.path:
            raise web.HTTPFound(str(request.rel_url))
        if "/repos/acme/file/" in request.path:
            raise web.HTTPFound("file:///etc/passwd")
        return await good(request)

    forge = await serve(answer)
    assert await reader().checks(forge.repository(), SHA, ("tests",)) == GREEN
    assert await silence(reader(), forge.repository("acme/lost")) == "it sends the question to another host"
    assert elsewhere.asked == []
    assert await silence(reader(), forge.repository("acme/round")) == "it sends the question in a circle"
    why = await silence(reader(), forge.repository("acme/file"))
    assert why == "it sends the question to an address that is none"


@pytest.mark.parametrize(
    ("page", "kind", "api"),
    [
        ("https://github.com/acme/compte", ForgeKind.GITHUB, "https://api.github.com"),
        ("https://acme.ghe.com/acme/compte", ForgeKind.GITHUB, "https://api.acme.ghe.com"),
        ("https://git.example.com/acme/compte", ForgeKind.GITHUB, "https://git.example.com/api/v3"),
        ("https://gitlab.com/acme/web/compte", ForgeKind.GITLAB, "https://gitlab.com/api/v4"),
        ("https://git.example.com:8443/acme/compte", ForgeKind.GITLAB, "https://git.example.com:8443/api/v4"),
    ],
)
def test_where_the_api_is(page: str, kind: ForgeKind, api: str):
    assert api_of(Repository(page, kind)) == api
