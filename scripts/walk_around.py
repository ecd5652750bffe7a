"""Walks through what stands around a deploy: staging first, the CI's word, a window, a watch, and who is told.

Usage: scripts/walk_around.py DIRECTORY
"""

from __future__ import annotations

import json

from playwright.async_api import Page
from walking import Walker, walk

from bot.demo.menu.around_deploys import STAGING
from bot.demo.operations import ENVIRONMENT
from bot.demo.tour.workspace_client import ChannelView, payload
from bot.demo.workspace import DEPLOY, ENGINEER

_MINUTES = 6 * 60


async def configured(walker: Walker, entry: str) -> None:
    """Choose an entry that changes `ops.yaml`, and wait until the bot has read it."""
    starts = walker.demo.bot.starts
    await walker.choose(entry)
    await walker.client.until(lambda _: walker.demo.bot.starts > starts, "the bot's new start", 60)


async def staging_first(walker: Walker) -> None:
    """Production refuses what staging has not seen; what it has seen is promoted."""
    await configured(walker, "staging")
    refused = await walker.ask(DEPLOY)
    assert await walker.end(refused) == "failed"
    await walker.picture(refused, "result", "around-1-refused")
    tried = await walker.ask(DEPLOY.replace(ENVIRONMENT, STAGING))
    assert await walker.end(tried) == "succeeded"
    await walker.picture(tried, "result", "around-2-staging")
    promoted = await walker.decide(tried, f"run_promote:{ENVIRONMENT}")
    await walker.approve(promoted, "around-3-promoted")
    assert await walker.end(promoted) == "succeeded"


async def red_after_approval(walker: Walker) -> None:
    """A check that is red ends the deploy."""
    await walker.choose("commit-code-only")
    tried = await walker.ask(DEPLOY.replace(ENVIRONMENT, STAGING))
    assert await walker.end(tried) == "succeeded"
    await walker.choose("ci-red")
    refused = await walker.ask(DEPLOY)
    assert await walker.end(refused) == "failed"
    await walker.picture(refused, "result", "around-4-red")
    await walker.choose("ci-green")


def calls(channel: ChannelView, run: str) -> bool:
    """Say whether people are called because of what the watch saw."""
    card = channel.newest("run", run)
    replies = [each for each in channel.messages if card is not None and each.get("thread_ts") == card["ts"]]
    return any("run_rollback" in json.dumps(each.get("blocks")) for each in replies[-1:])


async def published(page: Page) -> None:
    """Wait until the App Home is there."""
    await page.locator(".home .block-header").first.wait_for()


async def in_a_window(walker: Walker) -> None:
    """A deploy waits for its window, is watched afterwards, and the watch calls people."""
    await configured(walker, "watch")
    await configured(walker, "window")
    run = await walker.ask(f"{DEPLOY} --at next-window")
    await walker.approve(run, "around-5-at")

    def waits(channel: ChannelView) -> bool:
        card = channel.newest("run", run)
        return card is not None and payload(card)["state"] == "queued"

    await walker.client.until(waits, "the waiting")
    await walker.thread(run, "around-6-waits")
    await walker.shot(f"?as={ENGINEER}#/app/home", "around-7-home", published)
    await walker.client.until(lambda channel: channel.is_over(run), "the window", _MINUTES)
    assert await walker.end(run) == "succeeded"
    await walker.thread(run, "around-8-watching")
    await walker.choose("errors")
    await walker.client.until(lambda channel: calls(channel, run), "the alarm of the watch", 60)
    await walker.thread(run, "around-9-alarm")
    await walker.choose("told")


async def story(walker: Walker) -> None:
    """All of it, in order."""
    await staging_first(walker)
    await red_after_approval(walker)
    await in_a_window(walker)


if __name__ == "__main__":
    walk(story)
