"""Takes the pictures of the documentation: a deploy of the demonstration, as the page shows it in Chromium.

Usage: scripts/screenshots.py (make screenshots)
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import Browser, Page, async_playwright

from bot.demo.environment import set_up
from bot.demo.terminal import TerminalReporter, console
from bot.demo.tour.workspace_client import Message, WorkspaceClient, open_workspace_client
from bot.demo.workspace import CHANNEL, DEPLOY, ENGINEER, RELEASER

IMAGES = Path(__file__).resolve().parents[1] / "docs" / "images"
CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DESK, PHONE = (1280, 900), (390, 844)


async def main() -> None:
    """Play a deploy, and take pictures of the request to approve, the App Home, a form, and two of the end."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    async with (
        set_up(0, TerminalReporter(console())) as demo,
        open_workspace_client(demo.url) as client,
        async_playwright() as playwright,
    ):
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        await client.type(ENGINEER, DEPLOY)
        request = await client.until(lambda channel: channel.newest("approval"), "the request to approve")
        await client.until(lambda channel: (channel.newest("approval") or {}).get("reactions"), "its reactions")
        await picture(browser, demo.url, RELEASER, request, PHONE, "approval-phone")
        await home(browser, demo.url, RELEASER, "home-phone")
        await form(browser, demo.url, ENGINEER, "form-phone")
        await client.react(RELEASER, request, "white_check_mark")
        await ended(client)
        await picture(browser, demo.url, ENGINEER, request, DESK, "deploy")
        await picture(browser, demo.url, ENGINEER, request, PHONE, "deploy-phone")
        await browser.close()


async def ended(client: WorkspaceClient) -> None:
    """Wait until the run has ended and its log is in the thread."""
    [run] = (await client.view()).runs()
    await client.until(lambda channel: channel.is_over(run) and channel.files(f"{run}.log"), "the end of the run")


async def home(browser: Browser, url: str, user: str, name: str) -> None:
    """Open the App Home as a person sees it, once its environment was looked at, and keep the picture."""
    async with opened(browser, f"{url}?as={user}#/app/home", PHONE) as page:
        await page.get_by_text("1 thing needs you").wait_for()
        await page.get_by_text("site up").wait_for()
        await kept(page, name)


async def form(browser: Browser, url: str, user: str, name: str) -> None:
    """Open the form of `/deploy` from the App Home, once the branch's commits are there, and keep the picture."""
    async with opened(browser, f"{url}?as={user}#/app/home", PHONE) as page:
        await page.get_by_role("button", name="Deploy", exact=True).click()
        await page.get_by_label("Commit", exact=True).wait_for()
        await kept(page, name)
        # Left open, it would lie over the next picture of what this person sees.
        await page.get_by_role("button", name="Cancel").click()
        await page.get_by_role("dialog").wait_for(state="hidden")


async def picture(browser: Browser, url: str, user: str, request: Message, size: tuple[int, int], name: str) -> None:
    """Open the thread of a run as a person sees it, and keep the picture."""
    async with opened(browser, f"{url}?as={user}#/{CHANNEL}/{request['thread_ts']}", size) as page:
        await kept(page, name)


@asynccontextmanager
async def opened(browser: Browser, address: str, size: tuple[int, int]) -> AsyncIterator[Page]:
    """Open a page in a window of its own."""
    width, height = size
    context = await browser.new_context(
        viewport={"width": width, "height": height}, device_scale_factor=2, color_scheme="light", locale="en-GB"
    )
    page = await context.new_page()
    await page.goto(address)
    await page.wait_for_selector("body[data-ready]")
    yield page
    await context.close()


async def kept(page: Page, name: str) -> None:
    """Keep the picture once nothing moves any more."""
    await settled(page)
    await page.screenshot(path=IMAGES / f"{name}.png")
    print(IMAGES / f"{name}.png")


async def settled(page: Page) -> None:
    """Wait until fonts are there and nothing moves any more."""
    await page.evaluate("document.fonts.ready")
    await page.evaluate("Promise.all(document.getAnimations().map((animation) => animation.finished.catch(() => {})))")


asyncio.run(main())
