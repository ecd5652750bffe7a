"""`countersign demo`, as a newcomer meets it: in the console and in the browser."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import socket
from pathlib import Path

import pytest
from playwright.async_api import Page, async_playwright, expect
from rich.cells import cell_len

from bot.demo.host.command_log import LoggedCommand
from bot.demo.tour.findings import times_started
from bot.demo.tour.workspace_client import ChannelView, WorkspaceClient, open_workspace_client, payload
from bot.demo.workspace import DEPLOY, ENGINEER, RELEASER
from tests.demo.support.demonstration import demonstration
from tests.support import eventually

FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]


async def test_the_tour_tells_the_story_checks_it_and_leaves_nothing() -> None:
    async with demonstration("--tour") as shown:
        async with asyncio.timeout(180):
            status = await shown.process.wait()
        await eventually(lambda: "All of this was seen" in shown.text, 5, what=f"the verdict in:\n{shown.text}")
        assert status == 0
        await shown.nothing_is_left()
    assert max(map(cell_len, shown.lines)) <= 80
    assert "\x1b" not in shown.text
    story = re.sub(r"\s+", " ", shown.text)
    moments = (
        f"Amélie {DEPLOY}",
        "Countersign Plan for compte production",
        "Bob ✅",
        "✓ Migrate the database",
        "✓ No new errors in the log",
        "token_id varchar(100) YES MUL NULL",
        ".sql",
        "✓ Each step was started once",
    )
    places = [story.find(moment) for moment in moments]
    assert -1 not in places, dict(zip(moments, places, strict=True))
    assert places == sorted(places)


async def test_a_port_that_is_taken_is_named_and_nothing_starts() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        async with demonstration("--port", str(port)) as shown:
            async with asyncio.timeout(30):
                assert await shown.process.wait() == 1
            await eventually(lambda: f"port {port} on 127.0.0.1 is in use" in shown.text)
            assert "Traceback" not in shown.text
            await shown.nothing_is_left()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_while_it_starts_ends_it_in_good_order(number: signal.Signals) -> None:
    async with demonstration("--port", "0") as shown:
        await eventually(lambda: "SSH server" in shown.text, 30)
        assert await shown.end(number) == 0
        await shown.nothing_is_left()
        assert "Traceback" not in shown.text


async def test_nothing_is_left_of_a_demonstration_that_was_killed() -> None:
    async with demonstration("--port", "0") as shown:
        await shown.url()
        assert len(shown.processes()) > 5
        await shown.end(signal.SIGKILL)
        await shown.nothing_is_left()


@pytest.mark.xdist_group("chromium")
async def test_the_bot_is_killed_in_mid_migration_and_the_run_ends_well(free_port: int) -> None:
    async with demonstration("--port", str(free_port)) as shown:
        url = await shown.url()
        assert url == f"http://127.0.0.1:{free_port}/"
        async with open_workspace_client(url) as client:
            async with async_playwright() as playwright:
                browser = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
                page = await browser.new_page(viewport={"width": 1280, "height": 900})
                page.set_default_timeout(15_000)
                await deploy_and_kill(page, url, client)
                await browser.close()
            assert_each_step_started_once(shown.folder())
            [first] = (await client.view()).runs()
            await deploy_the_next_commit(client, after=first)
        processes = shown.processes()
        assert await shown.end(signal.SIGTERM) == 0
        await shown.nothing_is_left()
        assert processes
        await eventually(lambda: "Everything was stopped and removed." in shown.text)


async def deploy_and_kill(page: Page, url: str, client: WorkspaceClient) -> None:
    """Everything by the page alone: as the engineer, then as the releaser."""
    await page.goto(url)
    await expect(page.get_by_text("Countersign is connected")).to_be_visible()
    await choose(page, "Make the next migration slow")
    await page.get_by_role("button", name=DEPLOY).click()
    await page.keyboard.press("Enter")
    await page.locator("#main .thread-link").click(timeout=30_000)
    await page.get_by_role("radio", name="Bob").check(force=True)
    approve = page.locator("#thread [data-reaction=white_check_mark]")
    await approve.click(timeout=30_000)
    await expect(page.locator("#main")).to_contain_text("Migrate the database", timeout=30_000)
    await choose(page, "Kill the bot")
    await expect(page.get_by_text("The bot was killed")).to_be_visible()
    await expect(page.get_by_text("Countersign is not connected")).to_be_visible()
    assert (await client.view()).state_of((await client.view()).runs()[0]) == "running"
    await expect(page.get_by_text("Countersign is connected")).to_be_visible(timeout=30_000)
    await expect(page.locator("#thread")).to_contain_text("compte production is live", timeout=60_000)
    await expect(page.locator("#main")).to_contain_text("Done")


async def choose(page: Page, title: str) -> None:
    await page.click("#open-menu")
    await page.get_by_role("menuitem", name=re.compile(f"^{title}")).click()


def assert_each_step_started_once(folder: Path) -> None:
    lines = (folder / "web1" / "ledger.jsonl").read_text().splitlines()
    entries = [LoggedCommand(e["time"], tuple(e["argv"]), e["cwd"], e["pid"]) for e in map(json.loads, lines)]
    counted = times_started(entries, folder / "web1" / "var" / "www" / "compte.example.com")
    assert set(counted.values()) == {1}, counted


async def deploy_the_next_commit(client: WorkspaceClient, after: str) -> None:
    assert "is on main" in await client.choose("commit-safe")
    await client.type(ENGINEER, DEPLOY)
    run = await client.until(
        lambda channel: next((run for run in channel.runs() if run != after), None), "a second run"
    )
    request = await client.until(lambda channel: channel.newest("approval", run), "a second request")
    await client.react(RELEASER, request, "white_check_mark")

    def ended(channel: ChannelView) -> str | None:
        result = channel.newest("result", run)
        return str(payload(result)["state"]) if result is not None and channel.is_over(run) else None

    assert await client.until(ended, "the end of the second run") == "succeeded"
