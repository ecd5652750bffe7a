"""Makes Slack agree with one run, once: posts what is missing, edits what differs.

The intent to post is committed before Slack is asked. Where the answer was lost, Slack is asked whether the message is
there before it is posted again.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from bot.background import backoff
from bot.domain.inbox import MessageState, Posted
from bot.domain.runs.approval import GateState
from bot.domain.runs.run import Run, RunState
from bot.domain.signatures.plan_text import text_to_sign
from bot.slack.anchors import posted_anchor
from bot.slack.context import SlackContext
from bot.slack.publish.delivery import Delivery, ParentGoneError
from bot.slack.publish.order import Placing, Shown, importance_of_edit, placing, shown_by, shows_time
from bot.slack.publish.run_context import RunRenderContexts
from bot.slack.publish.undelivered import SEED, VOTES, UndeliveredNotices
from bot.slack.render.cards.approval.ignored_votes import PREFIX, notice_user
from bot.slack.render.cards.approval.signatures import file_name as plan_file_name
from bot.slack.render.cards.run.anchor import anchor_in, anchor_payload
from bot.slack.render.log_file import file_name, log_text
from bot.slack.render.markup import Markup
from bot.slack.render.message import Message, text_message
from bot.slack.render.run_messages import CARD, LOG, RESULT, approval_slot, is_approval, plan_file_slot, render
from bot.slack.transport.call_budget import Call, Importance
from bot.slack.transport.gateway import SlackBusyError, SlackRefusedError, SlackUncertainError
from bot.slack.transport.turns import ESSENTIAL, SupersededError, Urgency

_log = logging.getLogger(__name__)

EDIT_SECONDS = 1.0
"""Least time between two edits of one message."""

BEAT_SECONDS = 15.0
"""Interval at which elapsed times are updated while nothing else changes."""

_REST_SECONDS = 300.0
"""Until a run is rendered anew of which no message tells the time: who is in the channel may have changed."""

_SEED = "seed"
"""The beginning of the slots in which it is remembered which reactions the bot added, and to which message."""

_LOOK_BACK = timedelta(hours=1)
"""How far before the request the channel is searched for a card, as Slack's clock may differ from this machine's."""

_MAX_LOOKS = 6
"""Failed searches after which a message is posted again: a server may not have the method at all."""

_GONE = "message_not_found"
_LOCKED = frozenset({"cant_update_message", "edit_window_closed"})
"""The message is there and cannot be edited any more."""


class _CardGoneError(Exception):
    """The card of a run was deleted."""


_REFUSED_SECONDS = 2.0
_MAX_REFUSED_SECONDS = 60.0


@dataclass(frozen=True)
class SyncResult:
    """The outcome of one sync.

    Args:
        in_sync: Slack shows the run as it is.
        ended: the run has ended, so that nothing more will come by itself.
        again: seconds after which to sync again.
        state: the run's state that was published; None where there is no such run.
    """

    in_sync: bool
    ended: bool
    again: float
    state: RunState | None


@dataclass(frozen=True)
class _Refusal:
    """A message that Slack refused.

    Args:
        fingerprint: of the message.
        times: how often in a row.
        until: when it may be tried again, by the monotonic clock.
    """

    fingerprint: str
    times: int
    until: float


@dataclass
class _Memo:
    """What this process remembers of a run; losing it costs only calls."""

    edited: dict[str, float] = field(default_factory=dict)
    shown: dict[str, Shown] = field(default_factory=dict)
    absent: set[str] = field(default_factory=set)
    looks: int = 0
    orphaned: str = ""
    """The `ts` of a card to which a reply was not taken; once it was edited since, it is there and takes none."""
    refusals: dict[str, _Refusal] = field(default_factory=dict)


@dataclass
class _Round:
    """One sync of a run.

    Args:
        run: its snapshot.
        posted: what Slack has of it, by slot.
        memo: what is remembered of it.
        changed: set once there is a newer snapshot.
        wait: seconds to wait for edits that are too early.
        later: what is sent when nothing more important is left, by slot.
    """

    run: Run
    posted: dict[str, Posted]
    memo: _Memo
    changed: asyncio.Event
    wait: float = 0.0
    later: dict[str, Importance] = field(default_factory=dict)

    def urgency(self, slot: str, importance: Importance) -> Urgency:
        """Return how a message waits for its turn: until a newer snapshot supersedes it."""
        return Urgency(importance, f"{self.run.id} {slot}", self.changed)


@dataclass(frozen=True)
class _File:
    """A file for the thread of a run.

    Args:
        slot: of it.
        name: of the file.
        title: for people.
        text: its content.
    """

    slot: str
    name: str
    title: str
    text: str


class RunSync:
    """Makes Slack agree with runs, one at a time.

    Args:
        context: what the conversation shares.
    """

    def __init__(self, context: SlackContext) -> None:
        self._context = context
        self._engine = context.engine
        self._gateway = context.gateway
        self._messages = context.messages
        self._delivery = Delivery(context.gateway, context.channels)
        self._undelivered = UndeliveredNotices(context)
        self._render_contexts = RunRenderContexts(context)
        self._memos: dict[str, _Memo] = {}

    async def sync(self, identifier: str, changed: asyncio.Event) -> SyncResult:
        """Make Slack agree with a run as it is now.

        What is posted goes first, and edits for which Slack's limits leave room. Other edits wait for their turn after
        that, so that none of them holds up an outcome.

        Args:
            identifier: of the run.
            changed: set whenever the run changes: what waits for its turn then is rendered anew.

        A message that Slack refuses holds up no other: people are told, and it is tried again later.

        Raises:
            SlackBusyError, SlackUncertainError: it does not agree yet; the next sync goes on where this one stopped.
        """
        run = await self._engine.get(identifier)
        if run is None:
            self.forget(identifier)
            return SyncResult(in_sync=True, ended=True, again=0, state=None)
        memo = self._memos.setdefault(identifier, _Memo())
        this = _Round(run, dict(await self._messages.of_run(run.id)), memo, changed)
        try:
            await self._bring_up_to_date(this, render(run, await self._render_contexts.of(run, BEAT_SECONDS)))
        except (SupersededError, _CardGoneError):
            return SyncResult(in_sync=False, ended=False, again=0, state=run.state)
        if this.wait:
            return SyncResult(in_sync=False, ended=False, again=this.wait, state=run.state)
        if this.posted[CARD].ts:
            await self._attach_plan(run, this.posted, memo)
            if run.ended:
                await self._attach_log(run, this.posted, memo)
        if memo.refusals:
            again = min(refusal.until for refusal in memo.refusals.values()) - time.monotonic()
            return SyncResult(in_sync=False, ended=False, again=max(again, EDIT_SECONDS), state=run.state)
        await self._messages.mark_published(run.id, run.revision)
        again = BEAT_SECONDS if shows_time(run) else _REST_SECONDS
        return SyncResult(in_sync=True, ended=run.ended, again=again, state=run.state)

    async def _bring_up_to_date(self, this: _Round, messages: Mapping[str, Message]) -> None:
        for slot, message in messages.items():
            if not self._is_held(slot, message, this.memo):
                await self._unless_refused(this, slot, message, self._show)
            if not this.posted[CARD].ts:
                return
        if approval_slot(this.run) in messages:
            await self._seed(this)
        for slot, _ in sorted(this.later.items(), key=lambda item: item[1]):
            await self._unless_refused(this, slot, messages[slot], self._show_later)

    async def _unless_refused(
        self, this: _Round, slot: str, message: Message, show: Callable[[_Round, str, Message], Awaitable[None]]
    ) -> None:
        try:
            await show(this, slot, message)
        except ParentGoneError as gone:
            this.memo.absent.add(slot)
            card = this.posted[CARD]
            if this.memo.orphaned != card.ts or not card.fingerprint:
                # The card was deleted. The next sync finds that out when it edits the card, and posts it anew.
                this.memo.orphaned = card.ts
                this.memo.edited.pop(CARD, None)
                await self._save(replace(card, fingerprint=""), this.posted)
                raise _CardGoneError from None
            await self._refused(this, slot, message, SlackRefusedError(gone.error))
        except SlackRefusedError as refused:
            await self._refused(this, slot, message, refused)
        else:
            this.memo.refusals.pop(slot, None)

    async def _show(self, this: _Round, slot: str, message: Message) -> None:
        """Post or edit one message and what belongs to it, or note that it is sent later."""
        run, posted = this.run, this.posted
        if slot.startswith(PREFIX):
            await self._post_notice(run, slot, message, posted, this.memo)
            return
        known = posted.get(slot)
        if known is not None and known.state is MessageState.INTENDED and slot not in this.memo.absent:
            known = await self._find(run, slot, message, posted, this.memo)
        if known is None or known.state is MessageState.INTENDED:
            contended = self._gateway.turns.is_contended(run.request.origin.channel, but=f"{run.id} ")
            match placing(run, slot, posted, contended):
                case Placing.IN_ORDER:
                    await self._post(this, slot, message, this.urgency(slot, Importance.ESSENTIAL))
                case Placing.LATER:
                    this.later[slot] = Importance.PROGRESS
        elif known.fingerprint != message.fingerprint:
            await self._edit_where_free(this, slot, message)
        unreadable = self._context.reactions.unreadable(run.id)
        if slot == approval_slot(run) and unreadable:
            await self._undelivered.tell(run, VOTES, unreadable, posted)

    async def _show_later(self, this: _Round, slot: str, message: Message) -> None:
        """Post or edit one message as soon as it has its turn."""
        known = this.posted.get(slot)
        show = self._edit if known is not None and known.ts else self._post
        await show(this, slot, message, this.urgency(slot, this.later[slot]))

    async def _edit_where_free(self, this: _Round, slot: str, message: Message) -> None:
        """Edit a message, or note that it is edited later; a clock alone waits for nothing."""
        run, memo = this.run, this.memo
        early = memo.edited.get(slot, -EDIT_SECONDS) + EDIT_SECONDS - time.monotonic()
        # The last edits are few and do not wait: once the result is posted, the thread is true where Slack allows it.
        if early > 0 and not run.ended and run.state is not RunState.NEEDS_HUMAN:
            this.wait = max(this.wait, early)
            return
        importance = importance_of_edit(run, slot, memo.shown.get(slot))
        urgency = this.urgency(slot, importance)
        if self._gateway.turns.is_free(Call("chat_update", importance, key=urgency.key)):
            await self._edit(this, slot, message, urgency)
        elif importance is not Importance.CLOCK:
            this.later[slot] = importance

    def _is_held(self, slot: str, message: Message, memo: _Memo) -> bool:
        """Return whether Slack refused this very message a short while ago."""
        refusal = memo.refusals.get(slot)
        if refusal is None:
            return False
        is_same = refusal.fingerprint == message.fingerprint or slot == CARD
        return is_same and time.monotonic() < refusal.until

    async def _refused(self, this: _Round, slot: str, message: Message, refused: SlackRefusedError) -> None:
        """Note that a message was refused, and tell people."""
        run, memo = this.run, this.memo
        _log.warning("Slack refuses a message", extra={"run": run.id, "slot": slot, "error": refused.error})
        before = memo.refusals.get(slot)
        times = before.times + 1 if before is not None else 1
        pause = backoff(times, first=_REFUSED_SECONDS, longest=_MAX_REFUSED_SECONDS)
        memo.refusals[slot] = _Refusal(message.fingerprint, times, time.monotonic() + pause)
        await self._undelivered.tell(run, slot, refused.error, this.posted)

    def forget(self, run: str) -> None:
        """Drop what is remembered of a run whose end is published."""
        self._memos.pop(run, None)
        self._render_contexts.forget(run)

    async def _post(self, this: _Round, slot: str, message: Message, urgency: Urgency) -> None:
        run, posted, memo = this.run, this.posted, this.memo
        channel = run.request.origin.channel
        intent = Posted(run.id, slot, channel, "", "", MessageState.INTENDED)
        if posted.get(slot) != intent:
            await self._save(intent, posted)
        memo.absent.discard(slot)
        thread = None if slot == CARD else posted[CARD].ts
        try:
            ts = await self._delivery.post(channel, message, thread, urgency)
        except (SlackBusyError, SlackRefusedError, SupersededError):
            memo.absent.add(slot)
            raise
        self._note_shown(this, slot)
        await self._save(replace(intent, ts=ts, fingerprint=message.fingerprint, state=MessageState.POSTED), posted)

    async def _edit(self, this: _Round, slot: str, message: Message, urgency: Urgency) -> None:
        known, fingerprint = this.posted[slot], message.fingerprint
        if slot == RESULT:
            message = await self._with_posted_anchor(this.run, known, message, this.posted[CARD].ts)
        try:
            await self._delivery.edit(known.channel, known.ts, message, urgency)
        except SlackRefusedError as refused:
            if refused.error == _GONE:
                await self._post(this, slot, message, this.urgency(slot, Importance.ESSENTIAL))
                return
            if refused.error not in _LOCKED:
                raise
            await self._go_on_elsewhere(this, slot, message)
            return
        self._note_shown(this, slot)
        await self._save(replace(known, fingerprint=fingerprint), this.posted)

    def _note_shown(self, this: _Round, slot: str) -> None:
        this.memo.edited[slot] = time.monotonic()
        this.memo.shown[slot] = shown_by(this.run)

    async def _go_on_elsewhere(self, this: _Round, slot: str, message: Message) -> None:
        """Tell what a message would say that cannot be edited any more: in one more message, after that in the thread.

        A request to approve is not posted again, as the reactions on it count.
        """
        run, posted = this.run, this.posted
        again = f"again:{slot}"
        if not is_approval(slot) and again not in posted:
            await self._save(replace(posted[slot], slot=again), posted)
            await self._post(this, slot, message, ESSENTIAL)
            return
        await self._save(replace(posted[slot], fingerprint=message.fingerprint), posted)
        line, status = f"status:{slot}:{run.state.value}", text_message(Markup(message.text.partition("\n")[0]))
        is_told = any(known.fingerprint == status.fingerprint for known in posted.values())
        if line not in posted and not is_told:
            await self._post(this, line, status, ESSENTIAL)

    async def _with_posted_anchor(self, run: Run, known: Posted, message: Message, thread: str) -> Message:
        """Give a result message the anchor that is posted already.

        No edit replaces it, whatever the store says now: else whoever can write to the store could move it.
        """
        try:
            anchor = posted_anchor(await self._gateway.thread_messages(known.channel, thread), known.ts)
        except SlackRefusedError as refused:
            _log.warning("cannot read the posted anchor", extra={"run": run.id, "error": refused.error})
            return message
        payload = message.payload or {}
        if anchor is None or anchor == anchor_in(payload):
            return message
        _log.error("the history does not agree with its anchor in Slack", extra={"run": run.id})
        return replace(message, payload={**payload, **anchor_payload(anchor)})

    async def _save(self, message: Posted, posted: dict[str, Posted]) -> None:
        await self._messages.save(message)
        posted[message.slot] = message

    async def _find(
        self, run: Run, slot: str, message: Message, posted: dict[str, Posted], memo: _Memo
    ) -> Posted | None:
        """Search for a message whose answer was lost."""
        for candidate in await self._said(run, slot, posted, memo):
            metadata = candidate.get("metadata") or {}
            payload = metadata.get("event_payload") or {}
            # There are several reminders, told apart by their time.
            is_it = metadata.get("event_type") == message.event_type and payload.get("mark") == _mark(message)
            if is_it and payload.get("run") == run.id:
                channel = run.request.origin.channel
                posted_message = Posted(run.id, slot, channel, str(candidate["ts"]), "", MessageState.POSTED)
                await self._save(posted_message, posted)
                return posted_message
        return None

    async def _said(self, run: Run, slot: str, posted: Mapping[str, Posted], memo: _Memo) -> list[dict[str, Any]]:
        """Read the messages among which that of a slot would be; none where Slack refuses."""
        channel = run.request.origin.channel
        try:
            if slot == CARD:
                return await self._gateway.channel_messages(channel, (run.created_at - _LOOK_BACK).timestamp())
            return await self._gateway.thread_messages(channel, posted[CARD].ts)
        except SlackRefusedError as refused:
            _log.warning("cannot look for a message", extra={"run": run.id, "slot": slot, "error": refused.error})
            return []
        except SlackUncertainError:
            memo.looks += 1
            if memo.looks < _MAX_LOOKS:
                raise
            return []

    async def _seed(self, this: _Round) -> None:
        """Add the first reactions to a request to approve, each once."""
        run, posted, approval = this.run, this.posted, this.posted[approval_slot(this.run)]
        if run.gate is None or run.gate.state is not GateState.OPEN or not approval.ts:
            return
        emojis = self._context.operations.emoji
        both = {emojis.approve[0]: Importance.ESSENTIAL, emojis.reject[0]: Importance.SECOND_EMOJI}
        for emoji, importance in both.items():
            seed = replace(approval, slot=f"{_SEED}:{approval.slot}:{emoji}", ts="", fingerprint=approval.ts)
            if posted.get(seed.slot) == seed:
                continue
            try:
                urgency = this.urgency(seed.slot, importance)
                await self._gateway.add_reaction(approval.channel, approval.ts, emoji, urgency)
            except SlackRefusedError as refused:
                # People can still pick the emoji themselves, so the run does not wait for this.
                _log.warning("cannot seed a reaction", extra={"run": run.id, "emoji": emoji, "error": refused.error})
                await self._undelivered.tell(run, SEED, f"{refused.error} ({emoji})", posted)
            await self._save(seed, posted)

    async def _post_notice(self, run: Run, slot: str, message: Message, posted: dict[str, Posted], memo: _Memo) -> None:
        if slot in posted and slot not in memo.absent:
            return
        channel = run.request.origin.channel
        intent = Posted(run.id, slot, channel, "", message.fingerprint, MessageState.INTENDED)
        await self._save(intent, posted)
        memo.absent.discard(slot)
        try:
            await self._gateway.post_ephemeral(channel, notice_user(slot), message, posted[CARD].ts)
        except SlackBusyError:
            memo.absent.add(slot)
            raise
        except (SlackRefusedError, SlackUncertainError) as error:
            # Whether an ephemeral message arrived cannot be found out; a duplicate is worse than a lost one.
            _log.warning("a notice may not have arrived", extra={"run": run.id, "error": str(error)})
        await self._save(replace(intent, state=MessageState.POSTED), posted)

    async def _attach_log(self, run: Run, posted: dict[str, Posted], memo: _Memo) -> None:
        if _is_posted(posted.get(LOG)):
            return
        chunks = await self._engine.output(run.id)
        if any(chunk.data for chunk in chunks):
            text = log_text(run, chunks, self._context.masker, self._context.translator)
            title = self._context.translator.translate("log.title", run=run.id)
            await self._attach(run, _File(LOG, file_name(run.id), title, text), posted, memo)

    async def _attach_plan(self, run: Run, posted: dict[str, Posted], memo: _Memo) -> None:
        """Put the text that is signed into the thread, as soon as somebody is asked to sign it."""
        slot = plan_file_slot(run)
        if run.gate is None or not run.gate.requirement.asks_for_signatures or _is_posted(posted.get(slot)):
            return
        text = text_to_sign(run, self._context.masker)
        if text is not None:
            title = self._context.translator.translate("plan_file.title", run=run.id)
            await self._attach(run, _File(slot, plan_file_name(run.gate), title, text), posted, memo)

    async def _attach(self, run: Run, file: _File, posted: dict[str, Posted], memo: _Memo) -> None:
        """Upload a file to the thread, once."""
        channel, known = run.request.origin.channel, posted.get(file.slot)
        intent = Posted(run.id, file.slot, channel, "", "", MessageState.INTENDED)
        if known is not None and file.slot not in memo.absent and await self._has_file(run, file, posted, memo):
            await self._save(replace(intent, state=MessageState.POSTED), posted)
            return
        await self._save(intent, posted)
        memo.absent.discard(file.slot)
        try:
            identifier = await self._gateway.upload(channel, posted[CARD].ts, file.name, file.title, file.text)
        except SlackBusyError:
            memo.absent.add(file.slot)
            raise
        except SlackRefusedError as refused:
            _log.warning(
                "a file could not be uploaded", extra={"run": run.id, "slot": file.slot, "error": refused.error}
            )
            await self._undelivered.tell(run, file.slot, refused.error, posted)
            identifier = ""
        await self._save(replace(intent, ts=identifier, state=MessageState.POSTED), posted)

    async def _has_file(self, run: Run, file: _File, posted: Mapping[str, Posted], memo: _Memo) -> bool:
        messages = await self._said(run, file.slot, posted, memo)
        name = file.name
        return any(file.get("name") == name for message in messages for file in _files(message))


def _files(message: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [file for file in message.get("files") or [] if isinstance(file, dict)]


def _is_posted(known: Posted | None) -> bool:
    return known is not None and known.state is MessageState.POSTED


def _mark(message: Message) -> object:
    return (message.payload or {}).get("mark")
