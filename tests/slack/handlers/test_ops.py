"""`/ops` as it is typed: each order is carried out once and answered to one person alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.domain.errors import Reason, RefusedError, problem
from bot.domain.names import TargetName
from bot.domain.policies.lock import Lock
from bot.domain.runs.request import Action, Origin
from bot.domain.runs.run import RunState
from bot.domain.targets.overview import TargetOverview
from bot.engine.queries.locks import Allowed
from bot.slack.handlers.ops import OpsHandler
from bot.slack.handlers.unlock import UnlockHandler
from bot.slack.publish.replies import Sender
from bot.slack.render.markup import Markup
from bot.slack.render.message import Message, text_message
from bot.slack.transport.inbox import ReceivedEvent
from tests.slack.support.context import slack_context
from tests.slack.support.fake_engine import FakeEngine
from tests.slack.support.limits import texts
from tests.slack.support.runs import AMELIE, AT, BOB, OPS, RUNS

NAME = TargetName("compte", "production")


class FakeDesk:
    """Keeps locks in memory."""

    def __init__(self, locks: dict[TargetName, Lock]) -> None:
        self.locks: dict[TargetName, Lock] = locks
        self.may: dict[Action, tuple[TargetName, ...]] = {Action.DEPLOY: (NAME,)}
        self.uncertain = False
        self.exceptions: frozenset[str] = frozenset()
        self.approves: dict[str, tuple[TargetName, ...]] = {}
        self.refuses: RefusedError | None = None
        self.taken_off: list[tuple[str, str, str]] = []

    async def overviews(self, targets: tuple[TargetName, ...]) -> tuple[TargetOverview, ...]:
        return tuple(TargetOverview(name, lock=self.locks.get(name)) for name in targets)

    async def lock(self, target: TargetName, reason: str, user: str) -> Lock:
        if self.refuses is not None:
            raise self.refuses
        return self.locks.setdefault(target, Lock(target, user, reason, AT))

    async def lock_to_take_off(self, target: TargetName, user: str) -> Lock | None:
        if self.refuses is not None:
            raise self.refuses
        return self.locks.get(target)

    async def unlock(self, lock: Lock, user: str, channel: str) -> bool:
        if self.locks.pop(lock.target, None) is None:
            return False
        self.taken_off.append((lock.owner, user, channel))
        return True

    async def allowed(self, targets: tuple[TargetName, ...], user: str) -> Allowed:
        return Allowed(self.may, self.uncertain, self.exceptions, self.approves)


class RecordedReplies:
    """Answers that are kept: to whom, and what."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []
        self.shown: list[Message] = []
        self.woken = 0

    def wake(self) -> None:
        self.woken += 1

    async def send_text(self, sender: Sender, text: Markup) -> None:
        await self.send(sender, text_message(text))

    async def send(self, sender: Sender, message: Message) -> None:
        self.told.append((sender.user, "\n".join(texts(message.blocks))))
        self.shown.append(message)


class OpsCommand:
    """Somebody who types `/ops`."""

    def __init__(self) -> None:
        self.engine = FakeEngine()
        self.lock_service = self.engine.lock_service = FakeDesk(self.engine.status_service.locks)
        self.replies = RecordedReplies()
        context = slack_context(self.engine, replies=self.replies)
        self.unlock = UnlockHandler(context, self.replies)
        self.handler = OpsHandler(context, self.unlock)

    async def __call__(self, text: str, user: str = AMELIE) -> str:
        before = len(self.replies.told)
        await self.handler.handle(tuple(text.split()), Origin(user, OPS, "Ev1"), Sender(user, OPS))
        mine = [said for whom, said in self.replies.told[before:] if whom == user]
        assert len(mine) == 1
        return mine[0]


@pytest.fixture
def ops() -> OpsCommand:
    return OpsCommand()


async def test_a_lock_is_set_shown_and_taken_off(ops: OpsCommand) -> None:
    assert "*compte production is locked:* inventory" in await ops("lock compte production inventory")
    assert "🔒 Locked by <@U0AMELIE>" in await ops("status")
    assert "Your lock since" in await ops("unlock compte production")
    assert "is not locked. Nothing was done." in await ops("unlock compte production")


async def test_the_same_lock_asked_twice_is_set_and_another_is_not(ops: OpsCommand) -> None:
    first = await ops("lock compte production inventory")
    assert await ops("lock compte production inventory") == first
    assert "already locked by <@U0AMELIE>" in await ops("lock compte production mine", BOB)


def button_of(message: Message) -> dict[str, Any]:
    return next(block for block in message.blocks if block["type"] == "actions")["elements"][0]


async def pressed(ops: OpsCommand, button: dict[str, Any], user: str = BOB) -> str:
    body = {"actions": [button], "user": {"id": user}, "channel": {"id": OPS}}
    await ops.unlock(ReceivedEvent("Ev2", AT, body))
    return ops.replies.told[-1][1]


async def test_somebody_elses_lock_is_taken_off_only_after_a_question_and_they_are_told(ops: OpsCommand) -> None:
    await ops("lock compte production inventory")
    assert "locked by <@U0AMELIE>" in await ops("unlock compte production", BOB)
    assert ops.lock_service.locks
    button = button_of(ops.replies.shown[-1])
    assert "confirm" in button
    assert "locked by <@U0AMELIE>, who is notified" in await pressed(ops, button)
    assert ops.lock_service.locks == {}
    assert ops.lock_service.taken_off == [(AMELIE, BOB, OPS)]
    assert ops.replies.woken == 1
    assert "is not locked. Nothing was done." in await pressed(ops, button)


async def test_who_confirmed_has_read_of_that_lock_and_of_no_other(ops: OpsCommand) -> None:
    await ops("lock compte production inventory")
    await ops("unlock compte production", BOB)
    old = button_of(ops.replies.shown[-1])
    ops.lock_service.locks[NAME] = Lock(NAME, AMELIE, "another", AT + timedelta(hours=1))
    assert "another" in await pressed(ops, old)
    assert ops.lock_service.locks
    assert "is open again" in await pressed(ops, button_of(ops.replies.shown[-1]))


@pytest.mark.parametrize("value", ["", "compte", "compte production soon", "compte nowhere 1", "compte production 1 2"])
async def test_a_button_that_says_nothing_right_takes_no_lock_off(ops: OpsCommand, value: str) -> None:
    await ops("lock compte production inventory")
    await pressed(ops, {"action_id": "ops_unlock", "value": value})
    assert ops.lock_service.locks


async def test_who_may_not_unlock_is_not_even_asked_back(ops: OpsCommand) -> None:
    await ops("lock compte production inventory")
    ops.lock_service.refuses = RefusedError(problem(Reason.NOT_ALLOWED, action="unlock", people="engineers"))
    assert "You can't unlock here." in await ops("unlock compte production", BOB)


async def test_who_may_not_is_told_who_may(ops: OpsCommand) -> None:
    ops.lock_service.refuses = RefusedError(problem(Reason.NOT_ALLOWED, action="lock", people="engineers"))
    told = await ops("lock compte production inventory")
    assert "You can't lock here." in told
    assert "engineers" in told
    assert "Nothing was done." in told


async def test_help_shows_only_the_ways_of_a_command_that_one_may_go(ops: OpsCommand) -> None:
    told = await ops("help")
    assert "`/deploy APP ENV [REF] [--dry-run] [--no-migrate]`" in told
    assert "`/ops status [APP [ENV]]`" in told
    assert "Without arguments, `/deploy` opens a form." in told
    assert "--emergency" not in told
    ops.lock_service.exceptions = frozenset({"--emergency"})
    told = await ops("help")
    assert "`--emergency REASON` at the end" in told
    assert "--during-freeze" not in told


async def test_help_says_what_one_is_asked_to_countersign(ops: OpsCommand) -> None:
    assert "countersign" not in await ops("help")
    ops.lock_service.approves = {"override": (NAME,), "deploy": (NAME,)}
    assert "✋ You are asked to countersign deploys, exceptions from a freeze: react" in await ops("help")


async def test_help_names_the_targets_once_where_all_is_for_the_same_and_beside_what_is_for_others(
    ops: OpsCommand,
) -> None:
    assert "*What you can do in this channel on compte production*\n*/deploy* – Bring a commit live\n" in await ops(
        "help"
    )
    ops.lock_service.may[Action.RESTORE] = (TargetName("compte", "staging"),)
    told = await ops("help")
    assert "Restore a backup, drop what it replaced; countersigned · _compte staging_" in told
    assert "`/backup drop-old APP ENV [NAME]`" in told


async def test_help_lists_only_what_one_may(ops: OpsCommand) -> None:
    told = await ops("help")
    assert "/deploy APP ENV [REF]" in told
    assert "/ops lock" in told
    assert "/backup" not in told
    ops.lock_service.may, ops.lock_service.uncertain = {}, True
    told = await ops("help")
    assert "/deploy" not in told
    assert "/ops lock" not in told
    assert "/ops status" in told
    assert "Slack did not say" in told


@pytest.mark.parametrize(
    ("name", "after", "said"),
    [
        ("succeeded", RunState.SUCCEEDED, "has already ended (done)"),
        ("awaiting_approval", RunState.AWAITING_APPROVAL, "Nothing in production was changed."),
        ("running", RunState.RUNNING, "its running step is stopped on the host"),
        ("needs_human", RunState.CANCELLED, "is closed"),
    ],
)
async def test_cancelling_says_what_it_means_in_each_phase(
    ops: OpsCommand, name: str, after: RunState, said: str
) -> None:
    run = RUNS[name]
    ops.engine.runs[run.id] = run
    cancel = ops.engine.cancel

    async def then(found: str, user: str) -> object:
        await cancel(found, user)
        return replace(run, state=after)

    ops.engine.cancel = then
    assert said in await ops("cancel 7k3f9q", BOB)
    assert ops.engine.cancelled == [("R-7K3F9Q", BOB)]


async def test_a_run_that_is_not_there_is_not_cancelled(ops: OpsCommand) -> None:
    ops.engine.refuses = RefusedError(problem(Reason.UNKNOWN_RUN, run="R-7K3F9Q"))
    assert "There is no run `R-7K3F9Q`" in await ops("cancel R-7K3F9Q")
    assert ops.engine.cancelled == []


async def test_bad_words_are_answered_with_what_would_be_right(ops: OpsCommand) -> None:
    told = await ops("statsu")
    assert "Did you mean `status`?" in told
    assert "Nothing was started." in told
