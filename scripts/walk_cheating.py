"""Tries to cheat in the demonstration, checks what became of it, and takes pictures at two widths.

Usage: scripts/walk_cheating.py DIRECTORY
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from walking import Walker, walk

from bot.demo.menu.cheating import BRANCH
from bot.demo.tour.workspace_client import payload
from bot.demo.workspace import DEPLOY, ENGINEER


def live_files(walker: Walker) -> dict[str, str]:
    """Give the checksums of the files that the site is served from."""
    live = walker.demo.application.path
    served = [path for path in live.rglob("*") if path.is_file() and not _is_at_work(path.relative_to(live))]
    return {str(path.relative_to(live)): hashlib.sha256(path.read_bytes()).hexdigest() for path in served}


def _is_at_work(path: Path) -> bool:
    """Say whether a file changes while the site is merely up, or when git fetches."""
    return path.parts[0] in {".git", "storage"} or path.parts[:2] == ("bootstrap", "cache")


async def count(walker: Walker, rows: str) -> int:
    """Count rows of the live database, such as `users WHERE email <> ''`."""
    name = walker.demo.application.database.name
    (answer,) = await walker.demo.database.query(f"SELECT COUNT(*) AS number FROM {rows}", database=name)
    return int(answer["number"])


async def hostile_branch(walker: Walker) -> None:
    """Push a branch that attacks before anybody has approved it, and reject it."""
    before = live_files(walker)
    await walker.choose("cheat-branch")
    run = await walker.ask(f"{DEPLOY} {BRANCH}")
    request = await walker.gate(run)
    assert int(payload(request)["needed"]) > 1, request
    await walker.picture(run, "plan", "branch-1-plan")
    await walker.picture(run, "approval", "branch-2-request")
    assert live_files(walker) == before
    assert await count(walker, "users WHERE remember_token = 'owned'") == 0
    await walker.client.react(ENGINEER, request, "x")
    assert await walker.end(run) != "succeeded"


async def loop(walker: Walker) -> None:
    """Delete rows one by one: two people are asked, with the number."""
    before = await count(walker, "user_sessions")
    await walker.choose("cheat-loop")
    run = await walker.ask(DEPLOY)
    request = await walker.gate(run)
    assert "286" in str(request["blocks"]), request["blocks"]
    assert int(payload(request)["needed"]) > 1, request
    assert await count(walker, "user_sessions") == before
    await walker.approve(run, "loop-1-plan")
    assert await walker.end(run) == "succeeded"
    await walker.picture(run, "result", "loop-2-result")
    assert before - await count(walker, "user_sessions") == 286


async def file_on_the_server(walker: Walker) -> None:
    """Leave a migration on the server that is in no commit: a deploy with migrations does not run it."""
    await walker.choose("cheat-file")
    await walker.choose("commit-safe")
    run = await walker.ask(DEPLOY)
    assert await walker.end(run) == "failed"
    await walker.picture(run, "result", "file-1-refused")
    assert await count(walker, "users WHERE email <> ''") != 0
    await walker.choose("cheat-file-away")


async def late_failure(walker: Walker) -> None:
    """Let a restart fail behind the checkout; once it is mended, Retry goes on from there."""
    await walker.choose("fail-restart")
    await walker.choose("commit-safe")
    run = await walker.ask(DEPLOY)
    await walker.approve(run, "late-1-plan")
    state = await walker.end(run)
    assert state in {"failed", "needs_human"}, state
    await walker.picture(run, "result", "late-2-failed")
    await walker.choose("mend-restart")
    card = (await walker.client.view()).newest("run", run)
    assert card is not None
    await walker.client.press(ENGINEER, card, "run_retry")
    again = await walker.new_run()
    await walker.approve(again, "late-3-retry")
    assert await walker.end(again) == "succeeded"
    await walker.picture(again, "result", "late-4-result")


async def story(walker: Walker) -> None:
    """Walk."""
    await hostile_branch(walker)
    await loop(walker)
    await file_on_the_server(walker)
    await late_failure(walker)


if __name__ == "__main__":
    walk(story)
