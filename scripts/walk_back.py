"""Walks the ways back in the demonstration as a new user would, checks them, and takes pictures at two widths.

Usage: scripts/walk_back.py DIRECTORY
"""

from __future__ import annotations

from walking import Walker, walk

from bot.demo.workspace import DEPLOY

ROLLBACK = "/rollback compte production"
STATUS = "/migrate-status compte production"


async def there_and_back(walker: Walker, kind: str, way: str) -> None:
    """Deploy the next commit of a kind, and roll it back.

    Args:
        walker: who does it.
        kind: of the commit.
        way: that the rollback must propose, in its plan's words.
    """
    await walker.choose(f"commit-{kind}")
    run = await walker.ask(DEPLOY)
    await walker.approve(run, f"{kind}-1-deploy")
    assert await walker.end(run) == "succeeded", kind
    await walker.picture(run, "result", f"{kind}-2-deployed")
    back = await walker.ask(ROLLBACK)
    plan = await walker.client.until(lambda channel: channel.newest("plan", back), "the plan of the rollback")
    assert way in str(plan["blocks"]), plan["blocks"]
    await walker.approve(back, f"{kind}-3-rollback")
    assert await walker.end(back) == "succeeded", kind
    await walker.picture(back, "result", f"{kind}-4-back")


async def break_halfway(walker: Walker) -> None:
    """Let data break a migration halfway, and leave it by the buttons of the card."""
    await walker.choose("commit-unique")
    run = await walker.ask(DEPLOY)
    await walker.gate(run)
    await walker.choose("sign-up-twice")
    await walker.approve(run, "halfway-1-deploy")
    assert await walker.end(run) == "needs_human"
    await walker.client.until(lambda channel: "partly ran" in str(channel.newest("result", run)), "what became of it")
    await walker.picture(run, "result", "halfway-2-decision")
    await walker.channel("halfway-3-channel")
    after = await walker.decide(run, "run_restore")
    await walker.approve(after, "halfway-4-restore")
    assert await walker.end(after) == "succeeded"
    assert not walker.demo.application.is_down
    await walker.picture(after, "result", "halfway-5-restored")


async def story(walker: Walker) -> None:
    """Walk."""
    await walker.answer(STATUS, "status")
    await there_and_back(walker, "safe", "migrations undone")
    await there_and_back(walker, "slow", "migrations undone")
    await there_and_back(walker, "destructive", "to a backup")
    await break_halfway(walker)


if __name__ == "__main__":
    walk(story)
