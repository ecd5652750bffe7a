"""Walks through backups in the demonstration as a new user would, checks them, and takes pictures at two widths.

Usage: scripts/walk_backup.py DIRECTORY
"""

from __future__ import annotations

from playwright.async_api import Page
from walking import Walker, walk

from bot.demo.operations import APP
from bot.demo.tour.workspace_client import payload
from bot.demo.workspace import ONCALL

BACKUP, LIST = "/backup compte production", "/backup list compte production"
RESTORE, VERIFY = "/backup restore compte production", "/backup verify compte production"
DROP_OLD = "/backup drop-old compte production"


async def open_menu(page: Page) -> None:
    """Open the page's menu, and come to what it has about backups."""
    await page.click("#open-menu")
    await page.get_by_role("menuitem", name="Let the schedule fire").scroll_into_view_if_needed()


async def rows(walker: Walker) -> int:
    """Count the sessions in the live database."""
    [found] = await walker.demo.database.query("SELECT COUNT(*) AS n FROM user_sessions", database=APP)
    return int(found["n"])


async def backed_up(walker: Walker) -> str:
    """Make a backup, and give its ID."""
    await walker.answer(LIST, "1-list-empty")
    run = await walker.ask(BACKUP)
    assert await walker.end(run) == "succeeded"
    await walker.thread(run, "2-backup-thread")
    await walker.picture(run, "result", "2-backup-result")
    await walker.answer(LIST, "3-list")
    result = (await walker.client.view()).newest("result", run)
    assert result is not None
    return str(payload(result)["backup"])


async def lost_and_found(walker: Walker, backup: str) -> None:
    """Delete rows by hand, and bring them back with two approvals."""
    before = await rows(walker)
    await walker.choose("delete-sessions")
    assert await rows(walker) == 0
    run = await walker.ask(f"{RESTORE} {backup}")
    await walker.approve(run, "4-restore-plan")
    assert await walker.end(run) == "succeeded"
    assert await rows(walker) == before
    await walker.thread(run, "5-restore-thread")
    await walker.picture(run, "progress", "5-restore-progress")
    await walker.picture(run, "result", "5-restore-result")
    await walker.channel("5-restore-channel")
    await walker.answer(LIST, "6-list-with-old-tables")


async def old_tables_dropped(walker: Walker) -> None:
    """Drop what the restore replaced."""
    run = await walker.ask(DROP_OLD)
    await walker.approve(run, "7-drop-old-plan")
    assert await walker.end(run) == "succeeded"
    await walker.picture(run, "result", "7-drop-old-result")


async def spoilt(walker: Walker, backup: str) -> None:
    """Spoil a file, and see that it is refused before anybody is asked, and called damaged from then on."""
    await walker.choose("spoil-backup")
    run = await walker.ask(f"{RESTORE} {backup}")
    assert await walker.end(run) == "failed"
    assert (await walker.client.view()).newest("approval", run) is None
    await walker.thread(run, "8-restore-refused-thread")
    await walker.picture(run, "result", "8-restore-refused")
    await walker.answer(LIST, "9-list-damaged")
    run = await walker.ask(f"{VERIFY} {backup}")
    assert await walker.end(run) == "failed"
    await walker.picture(run, "result", "9-verify-refused")


async def fired(walker: Walker) -> None:
    """See a scheduled backup fire: once when all is well, and once when it cannot be made and the on-call is called."""
    await walker.choose("schedule-soon")
    run = await walker.new_run()
    assert await walker.end(run) == "succeeded"
    await walker.thread(run, "10-scheduled-thread")
    await walker.picture(run, "result", "10-scheduled-result")
    await walker.channel("10-scheduled-channel")
    backups = walker.demo.application.backups
    backups.rename(backups.with_name("elsewhere"))
    backups.write_text("a file stands where the directory should be")
    await walker.choose("schedule-soon")
    run = await walker.new_run()
    assert await walker.end(run) == "failed"
    await walker.thread(run, "11-scheduled-failed-thread")
    await walker.picture(run, "result", "11-scheduled-failed")
    await walker.channel("11-scheduled-failed-channel", ONCALL)


async def story(walker: Walker) -> None:
    """Walk."""
    await walker.shot("", "0-menu", open_menu)
    backup = await backed_up(walker)
    await lost_and_found(walker, backup)
    await old_tables_dropped(walker)
    await spoilt(walker, backup)
    await fired(walker)


if __name__ == "__main__":
    walk(story)
