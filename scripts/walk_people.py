"""Walks through what people meet beside a deploy: locks, the queue, reminders, freezes, emergencies, forms, App Homes.

Each is tried in the demonstration as a new user would, checked, and pictured at two widths.

Usage: scripts/walk_people.py DIRECTORY [CHAPTER…]
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
from playwright.async_api import Page, expect
from ruamel.yaml import YAML
from walking import Walker, walk

from bot.demo.operations import write_operations
from bot.demo.processes.ports import Port
from bot.demo.tour.workspace_client import ChannelView, Message, payload
from bot.demo.workspace import CHANNEL, DEPLOY, ENGINEER, ONCALL, RELEASER

PEOPLE = {"amelie": ENGINEER, "bob": RELEASER, "noor": ONCALL}
TARGET = "compte production"
STRANGER = "U0DBA"
"""Somebody who is on no list of the operations file."""
_MAX_PRINTED, _MAX_METRICS = 2_000, 20_000


async def who_may_what(walker: Walker) -> None:
    """Each person asks what they may do, and opens the App Home."""
    for name, user in PEOPLE.items():
        await walker.answer("/ops help", f"01-help-{name}", user)
        await home(walker, user, f"02-home-{name}")
    await walker.answer("/ops status", "03-status-quiet")
    await walker.answer("/ops statsu", "03-status-mistyped")


async def forms(walker: Walker) -> None:
    """The forms of the commands without words, and an error at a field."""
    for command in ("deploy", "rollback", "backup"):
        await walker.client.type(ENGINEER, f"/{command}")
        await walker.shot(f"?as={ENGINEER}#/{CHANNEL}", f"04-form-{command}", filled)
        await walker.shot(f"?as={ENGINEER}#/{CHANNEL}", f"04-form-{command}-closed", closed)
    await walker.client.type(ENGINEER, "/deploy")
    await walker.shot(f"?as={ENGINEER}#/{CHANNEL}", "05-form-error", wrong_branch)
    await walker.shot(f"?as={ENGINEER}#/{CHANNEL}", "05-form-error-closed", closed)
    await walker.client.type(ENGINEER, "/rollback")
    await walker.shot(f"?as={ENGINEER}#/{CHANNEL}", "05-form-rollback-error", wrong_number)
    await walker.shot(f"?as={ENGINEER}#/{CHANNEL}", "05-form-rollback-error-closed", closed)
    await walker.client.type(ENGINEER, "/backup")
    async with walker.page(390, f"?as={ENGINEER}#/{CHANNEL}") as page:
        await wrong_table(page)
    run = await walker.new_run()
    assert await walker.end(run) == "failed"
    await walker.picture(run, "result", "05-no-such-table")


async def lock(walker: Walker) -> None:
    """Amélie locks; Bob is refused, is asked to confirm, and unlocks; she is notified."""
    await walker.answer(f"/ops lock {TARGET} counting the sessions by hand until noon", "06-lock")
    await walker.answer(DEPLOY, "06-lock-refuses", RELEASER)
    await walker.answer(f"/ops lock {TARGET} mine", "06-lock-already", RELEASER)
    await walker.answer("/ops status", "06-lock-status", RELEASER)
    await home(walker, RELEASER, "06-lock-home")
    await walker.client.type(RELEASER, "/deploy")
    await walker.shot(f"?as={RELEASER}#/{CHANNEL}", "06-lock-form", filled)
    await walker.shot(f"?as={RELEASER}#/{CHANNEL}", "06-lock-form-closed", closed)
    await walker.answer(f"/ops unlock {TARGET}", "07-unlock-question", RELEASER)
    await walker.shot(f"?as={RELEASER}#/{CHANNEL}", "07-unlock-confirm", asks_to_confirm)
    await press_shown(walker, RELEASER)
    await walker.client.until(lambda channel: newest(channel, "lock"), "the owner of the lock is told")
    await walker.channel("07-unlock-told", ENGINEER)
    await walker.channel("07-unlock-answer", RELEASER)


async def queue(walker: Walker) -> None:
    """Three runs on one target go one at a time; each is left in another way."""
    first = await walker.ask(DEPLOY)
    await walker.gate(first)
    second = await walker.ask(DEPLOY, RELEASER)
    third = await walker.ask(DEPLOY)
    await walker.client.until(lambda channel: channel.state_of(third) == "queued", "the third waits")
    await asyncio.sleep(1)
    await walker.channel("08-queue-channel")
    await walker.answer("/ops status", "08-queue-status")
    await home(walker, RELEASER, "08-queue-home-bob")
    await walker.client.type(STRANGER, f"/ops cancel {first}")
    await walker.client.until(
        lambda channel: any("You may not cancel" in said for said in channel.ephemerals(STRANGER)), "a refusal"
    )
    await walker.shot(f"?as={ENGINEER}#/{CHANNEL}", "09-cancel-confirm", lambda page: cancel(page, 0))
    await press(walker, first, "run_cancel")
    assert await walker.end(first) == "cancelled"
    await walker.picture(first, "result", "09-cancelled")
    await walker.gate(second)
    await walker.client.until(lambda channel: channel.newest("turn", second), "Bob is told that it is his turn")
    await walker.thread(second, "09-turn")
    await walker.answer(f"/ops cancel {second}", "09-cancel-typed", RELEASER)
    assert await walker.end(second) == "cancelled"
    await walker.gate(third)
    print(await console(walker, "runs", "cancel", third))
    assert await walker.end(third) == "cancelled"
    await walker.picture(third, "result", "09-cancelled-at-the-console")
    await walker.answer(f"/ops cancel {third}", "09-cancel-over")


async def reminders(walker: Walker) -> None:
    """Nobody answers: those who may approve are reminded twice, then the request is expired."""
    await rules(walker, lambda policy: policy["approve"]["deploy"].update(expires="60s"))
    run = await walker.ask(DEPLOY)
    await walker.gate(run)
    await walker.thread(run, "10-asked")
    await walker.client.until(lambda channel: len(every(channel, "reminder", run)) == 2, "two reminders", 90)
    assert await walker.end(run) == "expired"
    await walker.thread(run, "10-expired")
    await walker.picture(run, "result", "10-expired-result")


async def freeze(walker: Walker) -> None:
    """A freeze refuses; an exception is countersigned by two."""
    now = datetime.now(UTC)
    begins, ends = ((now + timedelta(days=days)).strftime("%a %H:00") for days in (-1, 2))
    frozen = {"from": begins, "to": ends, "timezone": "UTC", "reason": "no weekend releases"}
    await rules(walker, lambda policy: policy.update(freeze=[frozen]))
    await walker.answer(DEPLOY, "11-freeze-refuses")
    await walker.answer("/ops status", "11-freeze-status")
    await home(walker, ENGINEER, "11-freeze-home")
    await walker.client.type(ENGINEER, "/deploy")
    await walker.shot(f"?as={ENGINEER}#/{CHANNEL}", "11-freeze-form", filled)
    await walker.shot(f"?as={ENGINEER}#/{CHANNEL}", "11-freeze-form-closed", closed)
    run = await walker.ask(f"{DEPLOY} --during-freeze sessions cannot be revoked until this is live")
    request = await walker.gate(run)
    assert payload(request)["needed"] == 2
    await walker.picture(run, "run", "12-override-card")
    await walker.picture(run, "approval", "12-override-request")
    for user in (RELEASER, ONCALL):
        await walker.client.react(user, request, "white_check_mark")
    assert await walker.end(run) == "succeeded"
    await walker.thread(run, "12-override-done")


async def emergency(walker: Walker) -> None:
    """The glass is broken, and somebody countersigns afterwards."""
    await walker.choose("commit-safe")
    run = await walker.ask(f"{DEPLOY} --emergency nobody can log in")
    assert await walker.end(run) == "succeeded"
    await walker.thread(run, "13-emergency")
    await walker.picture(run, "run", "13-emergency-card")
    await walker.picture(run, "approval", "13-emergency-request")
    await walker.channel("13-emergency-channel", RELEASER)
    await walker.answer("/ops status", "13-emergency-status")
    await home(walker, RELEASER, "13-emergency-home-bob")
    request = (await walker.client.view()).newest("approval", run)
    assert request is not None
    await walker.client.react(RELEASER, request, "white_check_mark")
    await walker.client.until(
        lambda channel: payload(channel.newest("approval", run) or {}).get("state") == "approved", "it is countersigned"
    )
    await walker.picture(run, "approval", "14-countersigned")
    await walker.picture(run, "run", "14-countersigned-card")
    await home(walker, RELEASER, "14-home-bob")
    await walker.answer("/ops status", "14-status")


async def audit(walker: Walker) -> None:
    """What is left of it all."""
    for words in (
        ("audit", "verify"),
        ("audit", "export", "--since", "1h", "--format", "csv"),
        ("audit", "export", "--since", "1h", "--format", "jsonl"),
        ("runs",),
        ("runs", "list", "--json"),
    ):
        print("$ countersign", *words)
        printed = await console(walker, *words)
        print(printed[:_MAX_PRINTED])


async def monitoring(walker: Walker) -> None:
    """What a machine that watches the bot is answered."""
    with Port(0) as port:
        address = f"127.0.0.1:{port.number}"
    with (walker.demo.folder / "bot" / ".env").open("a") as file:
        file.write(f"HTTP_ADDR={address}\n")
    await rules(walker, lambda _: None)
    async with aiohttp.ClientSession() as session:
        for page in ("healthz", "readyz", "metrics"):
            async with session.get(f"http://{address}/{page}") as answer:
                print(f"$ curl http://{address}/{page}  → {answer.status}")
                print((await answer.text())[:_MAX_METRICS])


# ── how ──


async def home(walker: Walker, user: str, name: str) -> None:
    """Picture somebody's App Home, whole."""

    async def looked(page: Page) -> None:
        await page.locator(".home").get_by_text("Environments").wait_for()
        await page.locator(".home").get_by_text("seen ").first.wait_for()
        height = await page.evaluate("document.querySelector('.home').scrollHeight + 200")
        await page.set_viewport_size({"width": (page.viewport_size or {"width": 390})["width"], "height": height})

    await walker.shot(f"?as={user}#/app/home", name, looked)


async def filled(page: Page) -> None:
    """Wait until a form has what it asks for."""
    await page.get_by_role("dialog").wait_for()
    await expect(page.get_by_role("dialog").get_by_text("Reading")).to_have_count(0, timeout=15_000)
    await asyncio.sleep(1)


async def closed(page: Page) -> None:
    """Close a form, where one is open."""
    dialog = page.get_by_role("dialog")
    if await dialog.count():
        await dialog.get_by_role("button", name="Cancel").click()
        await expect(dialog).to_have_count(0)


async def wrong_branch(page: Page) -> None:
    """Fill in a branch that cannot be one."""
    dialog = page.get_by_role("dialog")
    await filled(page)
    await dialog.get_by_label("Another branch").fill("a..b")
    await dialog.get_by_role("button", name="Plan it").click()
    await dialog.get_by_text("a..b cannot be a branch").wait_for()


async def wrong_number(page: Page) -> None:
    """Fill in a number of migrations that is none."""
    dialog = page.get_by_role("dialog")
    await filled(page)
    await dialog.get_by_label("Only undo this many").fill("two")
    await dialog.get_by_role("button", name="Plan it").click()
    await asyncio.sleep(1)


async def wrong_table(page: Page) -> None:
    """Fill in a table that cannot be one."""
    dialog = page.get_by_role("dialog")
    await filled(page)
    await dialog.get_by_role("textbox").first.fill("users; DROP TABLE users")
    await dialog.get_by_role("button", name="Back up").click()
    await expect(dialog).to_have_count(0)


async def asks_to_confirm(page: Page) -> None:
    """Press the button that takes a lock off, and go no further."""
    await page.get_by_role("button", name="Remove the lock").last.click()
    await page.get_by_role("alertdialog").wait_for()


async def cancel(page: Page, which: int) -> None:
    """Press the button that cancels a run, and go no further."""
    await page.get_by_role("button", name="Cancel", exact=True).nth(which).click()
    await page.get_by_role("alertdialog").wait_for()


async def press(walker: Walker, run: str, action: str, user: str = ENGINEER) -> None:
    """Press a button of a run's card."""
    card = (await walker.client.view()).newest("run", run)
    assert card is not None
    await walker.client.press(user, card, action)


async def press_shown(walker: Walker, user: str) -> None:
    """Press the button of what a person alone was shown last, and confirm it."""

    async def pressed(page: Page) -> None:
        await asks_to_confirm(page)
        await page.get_by_role("alertdialog").get_by_role("button", name="Remove it").click()

    # The page must not be closed before its click is on its way.
    async with (
        walker.page(390, f"?as={user}#/{CHANNEL}") as page,
        page.expect_response("**/playground/click"),
    ):
        await pressed(page)


async def rules(walker: Walker, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the policy in the operations file, and have the bot read it."""
    file = walker.demo.folder / "bot" / "ops.yaml"
    content = YAML(typ="safe").load(file)
    change(content["policies"]["production"])
    write_operations(file, content)
    starts = walker.demo.bot.starts
    walker.demo.bot.stop()
    while walker.demo.bot.starts == starts:  # noqa: ASYNC110 - another process sets no event
        await asyncio.sleep(0.1)


async def console(walker: Walker, *words: str) -> str:
    """Run a command of the program on the demonstration's own machine, and give what it printed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bot",
        *words,
        "--env",
        str(walker.demo.folder / "bot" / ".env"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    printed, _ = await process.communicate()
    return printed.decode()


def every(channel: ChannelView, kind: str, run: str) -> list[Message]:
    """Give every message of a kind of a run."""
    return [
        message
        for message in channel.messages
        if (message.get("metadata") or {}).get("event_type") == f"countersign_{kind}"
        and payload(message).get("run") == run
    ]


def newest(channel: ChannelView, kind: str) -> Message | None:
    """Give the newest message of a kind, of any run or none."""
    return channel.newest(kind)


async def story(walker: Walker) -> None:
    """Everything, in the order in which a new user might try it."""
    wanted = sys.argv[2:]
    for chapter in (who_may_what, forms, lock, queue, reminders, freeze, emergency, audit, monitoring):
        if not wanted or chapter.__name__ in wanted:
            print(f"── {chapter.__name__} ──")
            await chapter(walker)


if __name__ == "__main__":
    walk(story)
