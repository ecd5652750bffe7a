"""Walks the three stories of a team in the demonstration, checks them, and takes pictures at two widths.

    first-hour  somebody who was just shown the bot looks around, and deploys for the first time
    on-call     a migration breaks halfway while nobody is at a desk; whoever is on call decides
    approver    requests come in on a phone: one is countersigned, one is refused, one is about data

Usage: scripts/walk_stories.py DIRECTORY [--language fr] [STORY…]

With another language than English it also fails where a sentence of the English catalog was posted.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from functools import cache

from playwright.async_api import Page
from walk_people import console, press
from walking import Walker, walk

from bot.demo.tour.workspace_client import payload
from bot.demo.workspace import CHANNEL, DEPLOY, ENGINEER, ONCALL, RELEASER
from bot.domain.language import Language
from bot.slack.render.builtin_catalog import builtin_catalog

TARGET = "compte production"
_TERMINAL = "80"
_LONG = 24
"""Characters of a piece of a sentence that cannot stand in another language by chance."""


async def first_hour(walker: Walker) -> None:
    """Look around, and deploy for the first time."""
    await walker.channel("first-1-welcome")
    await walker.shot(f"?as={ENGINEER}#/{CHANNEL}", "first-2-commands", _commands)
    await walker.answer("/ops help", "first-3-help")
    await walker.answer("/deploy help", "first-4-deploy-help")
    await walker.answer(f"/migrate-status {TARGET}", "first-5-migrations")
    await walker.answer("/deploy compte prodution", "first-6-mistyped")
    tried = await walker.ask(f"{DEPLOY} --dry-run")
    assert await walker.end(tried) == "succeeded"
    await walker.thread(tried, "first-7-dry-run")
    run = await walker.ask(DEPLOY)
    await walker.gate(run)
    await walker.thread(run, "first-8-asked")
    await walker.approve(run, "first-9-plan")
    assert await walker.end(run) == "succeeded"
    await walker.thread(run, "first-10-live")
    await _home(walker, ENGINEER, "first-11-home")
    for words in (("runs",), ("runs", "show", run)):
        print("$ countersign", *words)
        print(await console(walker, *words))


async def on_call(walker: Walker) -> None:
    """Be woken up, understand it, and decide."""
    await walker.choose("commit-unique")
    run = await walker.ask(DEPLOY)
    await walker.gate(run)
    await walker.choose("sign-up-twice")
    await walker.approve(run, "call-1-plan")
    assert await walker.end(run) == "needs_human"
    await walker.client.until(
        lambda channel: (channel.newest("result", run) or {}).get("edited"), "what became of the migration"
    )
    await walker.channel("call-2-channel", ONCALL)
    await _home(walker, ONCALL, "call-3-home")
    await walker.answer("/ops status", "call-4-status", ONCALL)
    await walker.answer(f"/migrate-status {TARGET}", "call-5-migrations", ONCALL)
    await walker.picture(run, "run", "call-6-card")
    await walker.picture(run, "result", "call-7-decision")
    print(await console(walker, "runs", "show", run))
    after = await walker.decide(run, "run_restore", ONCALL)
    await walker.approve(after, "call-8-restore", (RELEASER, ENGINEER))
    assert await walker.end(after) == "succeeded"
    assert not walker.demo.application.is_down
    await walker.picture(after, "result", "call-9-restored")
    await walker.picture(run, "run", "call-10-first-card")
    await _home(walker, ONCALL, "call-11-home")


async def approver(walker: Walker) -> None:
    """Judge what others ask for."""
    await walker.choose("commit-destructive")
    run = await walker.ask(DEPLOY)
    request = await walker.gate(run)
    await _home(walker, RELEASER, "approve-1-home")
    await walker.channel("approve-2-channel", RELEASER)
    await walker.client.react(ENGINEER, request, "white_check_mark")
    await walker.client.until(lambda channel: channel.ephemerals(ENGINEER), "the requester is told why it is ignored")
    await walker.thread(run, "approve-3-own-vote")
    await walker.approve(run, "approve-4-destructive")
    assert await walker.end(run) == "succeeded"
    await walker.picture(run, "result", "approve-5-live")
    await walker.choose("commit-safe")
    refused = await walker.ask(DEPLOY)
    await walker.client.react(RELEASER, await walker.gate(refused), "x")
    assert await walker.end(refused) == "rejected"
    await walker.picture(refused, "approval", "approve-6-refused-request")
    await walker.picture(refused, "result", "approve-7-refused")
    back = await walker.ask(f"/rollback {TARGET}")
    await walker.approve(back, "approve-8-rollback")
    assert await walker.end(back) == "succeeded"
    await walker.picture(back, "result", "approve-9-back")
    await walker.answer(f"/backup list {TARGET}", "approve-10-backups", RELEASER)
    lost = await walker.ask(DEPLOY)
    assert payload(await walker.gate(lost))["needed"]
    await press(walker, lost, "run_cancel")
    assert await walker.end(lost) == "cancelled"


STORIES = {"first-hour": first_hour, "on-call": on_call, "approver": approver}


async def _home(walker: Walker, user: str, name: str) -> None:
    """Picture somebody's App Home, whole."""

    async def looked(page: Page) -> None:
        await page.locator(".home .block-header").first.wait_for()
        height = await page.evaluate("document.querySelector('.home').scrollHeight + 200")
        await page.set_viewport_size({"width": (page.viewport_size or {"width": 390})["width"], "height": height})

    await walker.shot(f"?as={user}#/app/home", name, looked)


async def _commands(page: Page) -> None:
    await page.locator("#composer-text").fill("/")


def _english(text: str, language: Language) -> Iterator[str]:
    """Find pieces of the English catalog's sentences in a text, which the catalog of the language does not have too."""
    return (piece for piece in _pieces(language) if piece in text)


@cache
def _pieces(language: Language) -> tuple[str, ...]:
    other = " ".join(builtin_catalog(language).sentences.values())
    found = {
        piece.strip()
        for sentence in builtin_catalog(Language.ENGLISH).sentences.values()
        for piece in re.split(r"[\[\]{}<>|*_`\n]", sentence)
        if len(piece.strip()) >= _LONG
    }
    return tuple(sorted(piece for piece in found if piece not in other))


async def story(walker: Walker) -> None:
    """Walk the stories that were asked for, in their order; all without names."""
    os.environ["COLUMNS"] = _TERMINAL
    wanted = sys.argv[2:] or list(STORIES)
    for name in wanted:
        print(f"── {name} ──")
        await STORIES[name](walker)
    language = Language(os.environ.get("BOT_LANGUAGE") or "en")
    if language is not Language.ENGLISH:
        channel = await walker.client.view()
        said = [str([message.get("text"), message.get("blocks")]) for message in channel.messages]
        said += [text for user in (ENGINEER, RELEASER, ONCALL) for text in channel.ephemerals(user)]
        left = {piece for text in said for piece in _english(text, language)}
        assert not left, f"said in English: {sorted(left)}"


if __name__ == "__main__":
    if unknown := [word for word in sys.argv[2:] if not word.startswith("-") and word not in {*STORIES, *Language}]:
        sys.exit(f"no such story: {', '.join(unknown)}; there are {', '.join(STORIES)}")
    walk(story)
