"""Takes the pictures of the documentation: a deploy of the demonstration, as the page shows it in Chromium.

Usage: scripts/screenshots.py (make screenshots)
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from playwright.async_api import Browser, Page, async_playwright

from bot.demo.console import Announcer, console
from bot.demo.stage import set_up
from bot.demo.visitor import Message, Visitor, visit
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
    """Play a deploy, and take a picture of the request to approve and two of the end."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    async with set_up(0, Announcer(console())) as stage, visit(stage.url) as visitor, async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        await visitor.type(ENGINEER, DEPLOY)
        request = await visitor.until(lambda room: room.newest("approval"), "the request to approve")
        await visitor.until(lambda room: (room.newest("approval") or {}).get("reactions"), "its reactions")
        await picture(browser, stage.url, RELEASER, request, PHONE, "approval-phone")
        await visitor.react(RELEASER, request, "white_check_mark")
        await ended(visitor)
        await picture(browser, stage.url, ENGINEER, request, DESK, "deploy")
        await picture(browser, stage.url, ENGINEER, request, PHONE, "deploy-phone")
        await browser.close()


async def ended(visitor: Visitor) -> None:
    """Wait until the run has ended and its log is in the thread."""
    [run] = (await visitor.look()).runs()
    await visitor.until(lambda room: room.is_over(run) and room.files(f"{run}.log"), "the end of the run")


async def picture(browser: Browser, url: str, user: str, request: Message, size: tuple[int, int], name: str) -> None:
    """Open the thread of a run as a person sees it, and keep the picture."""
    width, height = size
    context = await browser.new_context(
        viewport={"width": width, "height": height}, device_scale_factor=2, color_scheme="light", locale="en-GB"
    )
    page = await context.new_page()
    await page.goto(f"{url}?as={user}#/{CHANNEL}/{request['thread_ts']}")
    await page.wait_for_selector("body[data-ready]")
    await settled(page)
    await page.screenshot(path=IMAGES / f"{name}.png")
    await context.close()
    print(IMAGES / f"{name}.png")


async def settled(page: Page) -> None:
    """Wait until fonts are there and nothing moves any more."""
    await page.evaluate("document.fonts.ready")
    await page.evaluate("Promise.all(document.getAnimations().map((animation) => animation.finished.catch(() => {})))")


asyncio.run(main())
