"""The bot is killed at the named points of a deploy, and started again. Nothing runs twice, and nothing is lost.

One deploy is played in many lives: each life ends at the first point of a set that it passes, and the next one recovers
with the rest of the set. A life that recovers may pass a point by: then another deploy is played, until each was met
that every deploy has. By default each kind of point is tried, where there is a choice at the migration, and each
boundary between two steps of a stretch;
CRASH_POINTS=all tries every point that a deploy has (more than three hundred).
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from bot.demo.application.application import Application
from bot.demo.application.commits import CommitKind
from bot.demo.host.database import DatabaseServer
from bot.demo.host.host import DemoHost
from bot.playground.events.sockets import Outcome
from bot.store.history.verify import first_broken
from tests.acceptance.conftest import NewSystem
from tests.acceptance.support.outside import changes, half_written, migration_ddl
from tests.acceptance.support.system import CHANNEL, ENGINEER, RELEASER, System
from tests.support.polling import eventually

MORTAL = "tests.acceptance.support.crash"
EVERY_POINT = os.environ.get("CRASH_POINTS") == "all"
STORIES = 6 if EVERY_POINT else 1
RECOVERY = (
    "after commit release_all",
    "after commit claim",
    "after ssh start [no step]",
    "after ssh sent [no step]",
)
"""Points of a life that picks a run up, before it has written a step of its own."""

_TELLS = re.compile(r"before (exit status|commit (step|move|inbox|create|message))")
MOST_CALLS = 13
"""Four for the basis, two stretches, the migration and what it found, and the five steps that stand alone."""

_BEGINS = re.compile(r"before commit step \S+ running begun")
_PARTICULARS = re.compile(r"(step|move|message|slack \S+|\[) ?[^\s\]]+")
"""What makes points of one kind different: the step, the state, the message."""

_BY_CHANCE = re.compile(r"chat\.update|views\.publish|message |commit (renew|save)$|exit status \[\S+ (running|done)\]")
"""Points that a deploy may have under another name or not at all. Where many edits of a message or of an App Home are
due at once, few are made; a session that starts a step, or looks after it, may end on either side of a commit.
"""

_known: dict[str, list[str]] = {}


class Lives:
    """Plays one deploy in as many lives as it takes.

    Args:
        system: whose bot is mortal.
        passed: the file of the points that were passed.
        deadly: sets of names of points; the bot dies once at each of the first set, in whatever order it passes
            them, then at those of the next set.
    """

    asked = (ENGINEER, "/deploy compte production")
    """Who types what."""
    approvers: tuple[str, ...] = (RELEASER,)

    def __init__(self, system: System, passed: Path, *deadly: set[str]) -> None:
        self.system = system
        self.deadly = [set(points) for points in deadly]
        self.died_at: list[str] = []
        self._passed = passed
        self._passed_before = 0

    @property
    def names(self) -> list[str]:
        """The points that were passed so far, in order."""
        return self._passed.read_text().splitlines() if self._passed.exists() else []

    async def play(self) -> str:
        """Type, approve and wait, starting the bot again whenever it has died; give the run's last state."""
        tried = typed = reacted = False
        while True:
            await self._live()
            # Whoever was not answered looks whether it was heard all the same, and types again.
            lost = self.died_at and self.died_at[-1] == "before commit inbox receive"
            typed = typed or bool(tried and not lost and await self._was_heard())
            if not typed:
                tried = True
                delivery = await self.system.playground.client_actions.command(self.asked[0], CHANNEL, self.asked[1])
                typed = delivery.outcome is Outcome.ACKED or await self._was_heard()
                if not typed:
                    continue
            await eventually(lambda r=reacted: self._is_dead() or self._over() or (self._asks() and not r), 180)
            if self._asks() and not reacted:
                for user in self.approvers:
                    self.system.react(self.system.messages("approval")[-1], user)
                reacted = True
                await eventually(lambda: self._is_dead() or self._over(), 180)
            if self._over() and not await self._dies_late():
                return str(self.system.payload("result")["state"])

    async def _was_heard(self) -> bool:
        """Whether a command that was not acknowledged, for want of time or of a bot, is carried out all the same."""
        with contextlib.suppress(AssertionError):
            await eventually(lambda: self._is_dead() or self.system.messages("card"), 15)
        return bool(self.system.messages("card"))

    async def _live(self) -> None:
        if self.system.bot.process is not None and not self._is_dead():
            return
        if self.system.bot.process is not None:
            await self.system.bot.wait()
            self._buried()
        self.system.bot.environment = {
            **self.system.bot.environment,
            "PASSED": str(self._passed),
            "DIE_AT": "|".join(sorted(self.deadly[0])) if self.deadly else "",
        }
        self._passed_before = len(self.names)
        await self.system.bot.launch()
        await eventually(lambda: self._is_dead() or self.system.bot.is_ready, 120)
        if self._is_dead():
            await self._live()

    async def _dies_late(self) -> bool:
        """Wait until nothing is left to be told, and say whether the bot died meanwhile."""
        await eventually(lambda: self._is_dead() or self.system.files(), 30)
        if not self._is_dead():
            if await self.system.bot.stop() == 0:
                return False
            self._buried()
        return True

    def _buried(self) -> None:
        assert self.deadly, self.system.bot.lines
        # Commits have threads of their own: other tasks may pass points in the moment of the kill.
        passed = self.names[self._passed_before :]
        died_at = next((name for name in reversed(passed) if name in self.deadly[0]), "no deadly point")
        assert died_at in self.deadly[0], self.system.bot.lines
        self.died_at.append(died_at)
        self.deadly[0].discard(died_at)
        if not self.deadly[0]:
            self.deadly.pop(0)

    def _is_dead(self) -> bool:
        process = self.system.bot.process
        return process is not None and process.returncode is not None

    def _asks(self) -> bool:
        return self.system.payload("approval").get("state") == "open"

    def _over(self) -> bool:
        return bool(self.system.messages("result"))


def sample(names: list[str]) -> list[str]:
    """Choose one point of each kind, that of the migration or of the approval where there is one.

    Before a call goes out, the world is as it was after the commit of the intent; before a commit that nothing outside
    waits for, it is as it was after the commit before. The earlier point stands for both.
    """
    distinct = list(dict.fromkeys(names))
    if EVERY_POINT:
        return distinct
    chosen: dict[str, str] = {}
    for name in distinct:
        if name.startswith("before ") and not _TELLS.match(name):
            continue
        kind = _PARTICULARS.sub(r"\1", name)
        if "migrate" in name or name.endswith("move running") or kind not in chosen:
            chosen[kind] = name
    return list(dict.fromkeys((*chosen.values(), *boundaries(distinct))))


def boundaries(names: list[str]) -> list[str]:
    """Name the points at which a host has gone on to the next step of a stretch, and the bot has not written that.

    Such a step has no intent of its own: it is committed when the host says that it claimed it.
    """
    begun = [name for name in names if _BEGINS.fullmatch(name)]
    return [name for name in begun if name.removesuffix(" begun") not in names]


async def judge(system: System, laravel: Application, mariadb: DatabaseServer, host: DemoHost, position: int) -> None:
    """Look from outside whether everything was done once, and everything is told once."""
    assert system.payload("result")["state"] == "succeeded", system.result("")
    assert set(changes(host).values()) == {1}, changes(host)
    ddl = migration_ddl(mariadb.statements(position))
    assert ddl
    assert len(ddl) == len(set(ddl)), ddl
    assert await laravel.head() == await laravel.tip()
    assert not laravel.is_down
    assert "token_id" in await mariadb.columns(laravel.database.name, "user_sessions")
    assert half_written(laravel.backups) == []
    kinds = sorted(message["metadata"]["event_type"] for message in system.messages())
    assert kinds == [f"countersign_{kind}" for kind in ("approval", "plan", "progress", "result", "run")]
    assert system.payload("card")["state"] == system.payload("progress")["state"] == "succeeded"
    assert system.payload("approval")["state"] == "approved"
    assert len(system.files()) == 1
    async with system.bot.store() as store:
        assert await first_broken(store.history) is None
        assert len(await store.runs.recent(10)) == 1


def calls_of_the_change(names: list[str]) -> int:
    """Count what the host was asked from the approval to the end of the run; the first five calls are made at once."""
    behind = names[names.index("after commit move running") : names.index("after commit move succeeded")]
    return sum(name.startswith("after ssh sent") for name in behind)


async def points_of_a_deploy(
    system: System, laravel: Application, mariadb: DatabaseServer, host: DemoHost, folder: Path
) -> list[str]:
    """Play a deploy without a death, and give the points that it passed."""
    if not _known:
        position = mariadb.log_position()
        lives = Lives(system, folder / "whole")
        await lives.play()
        await judge(system, laravel, mariadb, host, position)
        _known["whole"] = lives.names
        assert calls_of_the_change(lives.names) <= MOST_CALLS
        host.commands.forget()
    return _known["whole"]


@pytest.mark.parametrize("story", range(STORIES))
async def test_it_may_die_at_any_point(
    story: int,
    new_system: NewSystem,
    new_laravel: Callable[[], Awaitable[Application]],
    laravel: Application,
    mariadb: DatabaseServer,
    ssh_host: DemoHost,
    tmp_path: Path,
) -> None:
    names = await points_of_a_deploy(await new_system(module=MORTAL), laravel, mariadb, ssh_host, tmp_path)
    assert boundaries(names), "a deploy has stretches"
    left = set(sample(names)[story::STORIES])
    died_at = {"nowhere yet"}
    while died_at and any(EVERY_POINT or not _BY_CHANCE.search(point) for point in left):
        again = await new_laravel()
        await again.next_commit(CommitKind.TOKEN_ID)
        for leftovers in (tmp_path / "data" / "countersign.db", tmp_path / "passed"):
            leftovers.unlink(missing_ok=True)
        ssh_host.commands.forget()
        position = mariadb.log_position()
        lives = Lives(await new_system(module=MORTAL, application=again), tmp_path / "passed", set(left))
        await lives.play()
        await judge(lives.system, again, mariadb, ssh_host, position)
        died_at = set(lives.died_at)
        left -= died_at
    assert not [point for point in left if not _BY_CHANCE.search(point)]


async def test_it_may_die_again_while_it_recovers(
    new_system: NewSystem, laravel: Application, mariadb: DatabaseServer, ssh_host: DemoHost, tmp_path: Path
) -> None:
    firsts = (
        "after commit step checkout running begun",
        "after ssh sent [migrate running]",
        "after commit step view-cache running begun",
    )
    deadly = [{point} for first in firsts for point in (first, *RECOVERY)]
    position = mariadb.log_position()
    lives = Lives(await new_system(module=MORTAL), tmp_path / "passed", *deadly)
    await lives.play()
    await judge(lives.system, laravel, mariadb, ssh_host, position)
    assert lives.died_at == [point for first in firsts for point in (first, *RECOVERY)]
