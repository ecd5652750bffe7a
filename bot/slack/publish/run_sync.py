"""Makes Slack agree with one run, once: posts what is missing, edits what differs.

The intent to post is committed before Slack is asked. Where the answer was lost, Slack is asked whether the message is
there before it is posted again.
"""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from bot.background import backoff
from bot.domain.inbox import MessageState, Posted
from bot.domain.runs.approval import GateState
from bot.domain.runs.run import Run, RunState
from bot.slack.anchors import posted_anchor
from bot.slack.context import SlackContext
from bot.slack.publish.delivery import Delivery, ParentGoneError
from bot.slack.publish.run_context import RunRenderContexts
from bot.slack.publish.undelivered import SEED, VOTES, UndeliveredNotices
from bot.slack.render.cards.approval.ignored_votes import PREFIX, notice_user
from bot.slack.render.cards.run.anchor import anchor_in, anchor_payload
from bot.slack.render.log_file import file_name, log_text
from bot.slack.render.markup import Markup
from bot.slack.render.message import Message, text_message
from bot.slack.render.run_messages import CARD, LOG, RESULT, approval_slot, is_approval, render
from bot.slack.transport.gateway import SlackBusyError, SlackRefusedError, SlackUncertainError
from bot.slack.transport.rate_limit import RateLimit

_log = logging.getLogger(__name__)

EDIT_SECONDS = 1.0
"""Least time between two edits of one message."""

BEAT_SECONDS = 15.0
"""Interval at which elapsed times are updated while nothing else changes."""

_LAST_EDITS = 8
"""Calls that edits of progress leave unused, so that the last edits of a run, and so its outcome, need not wait."""

_LOOK_BACK = timedelta(hours=1)
"""How far before the request the channel is searched for a card, as Slack's clock may differ from this machine's."""

_MAX_LOOKS = 6
"""Failed searches after which a message is posted again: a server may not have the method at all."""

_GONE = "message_not_found"
_LOCKED = frozenset({"cant_update_message", "edit_window_closed"})
"""The message is there and cannot be edited any more."""

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
    absent: set[str] = field(default_factory=set)
    looks: int = 0
    seeded: str = ""
    orphaned: str = ""
    """The `ts` of a card to which a reply was not taken; once it was edited since, it is there and takes none."""
    refusals: dict[str, _Refusal] = field(default_factory=dict)


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
        self._edits = RateLimit(rate=50 / 60, burst=25)
        self._posts: defaultdict[str, RateLimit] = defaultdict(lambda: RateLimit(rate=1.0, burst=5))

    async def sync(self, identifier: str) -> SyncResult:
        """Make Slack agree with a run as it is now.

        Args:
            identifier: of the run.

        A message that Slack refuses holds up no other: people are told, and it is tried again later.

        Raises:
            SlackBusyError, SlackUncertainError: it does not agree yet; the next sync goes on where this one stopped.
        """
        run = await self._engine.get(identifier)
        if run is None:
            self.forget(identifier)
            return SyncResult(in_sync=True, ended=True, again=0, state=None)
        memo = self._memos.setdefault(identifier, _Memo())
        posted = dict(await self._messages.of_run(run.id))
        wait = 0.0
        for slot, message in render(run, await self._render_contexts.of(run, BEAT_SECONDS)).items():
            try:
                if not self._is_held(slot, message, memo):
                    wait = max(wait, await self._show(run, slot, message, posted, memo))
                    memo.refusals.pop(slot, None)
            except ParentGoneError as gone:
                memo.absent.add(slot)
                if memo.orphaned != posted[CARD].ts or not posted[CARD].fingerprint:
                    # The card was deleted. The next sync finds that out when it edits the card, and posts it anew.
                    memo.orphaned = posted[CARD].ts
                    memo.edited.pop(CARD, None)
                    await self._save(replace(posted[CARD], fingerprint=""), posted)
                    return SyncResult(in_sync=False, ended=False, again=0, state=run.state)
                await self._refused(run, slot, message, SlackRefusedError(gone.error), posted, memo)
            except SlackRefusedError as refused:
                await self._refused(run, slot, message, refused, posted, memo)
            if not posted[CARD].ts:
                break
        if wait:
            return SyncResult(in_sync=False, ended=False, again=wait, state=run.state)
        if run.ended and posted[CARD].ts:
            await self._attach_log(run, posted, memo)
        if memo.refusals:
            again = min(refusal.until for refusal in memo.refusals.values()) - time.monotonic()
            return SyncResult(in_sync=False, ended=False, again=max(again, EDIT_SECONDS), state=run.state)
        await self._messages.mark_published(run.id, run.revision)
        return SyncResult(in_sync=True, ended=run.ended, again=BEAT_SECONDS, state=run.state)

    async def _show(self, run: Run, slot: str, message: Message, posted: dict[str, Posted], memo: _Memo) -> float:
        """Post or edit one message and what belongs to it; return the seconds to wait where it is too early."""
        if slot.startswith(PREFIX):
            await self._post_notice(run, slot, message, posted, memo)
            return 0
        wait = await self._agree(run, slot, message, posted, memo)
        if slot == approval_slot(run):
            await self._seed(run, posted, memo)
            unreadable = self._context.reactions.unreadable(run.id)
            if unreadable:
                await self._undelivered.tell(run, VOTES, unreadable, posted)
        return wait

    def _is_held(self, slot: str, message: Message, memo: _Memo) -> bool:
        """Return whether Slack refused this very message a short while ago."""
        refusal = memo.refusals.get(slot)
        if refusal is None:
            return False
        is_same = refusal.fingerprint == message.fingerprint or slot == CARD
        return is_same and time.monotonic() < refusal.until

    async def _refused(
        self,
        run: Run,
        slot: str,
        message: Message,
        refused: SlackRefusedError,
        posted: dict[str, Posted],
        memo: _Memo,
    ) -> None:
        """Note that a message was refused, and tell people."""
        _log.warning("Slack refuses a message", extra={"run": run.id, "slot": slot, "error": refused.error})
        before = memo.refusals.get(slot)
        times = before.times + 1 if before is not None else 1
        pause = backoff(times, first=_REFUSED_SECONDS, longest=_MAX_REFUSED_SECONDS)
        memo.refusals[slot] = _Refusal(message.fingerprint, times, time.monotonic() + pause)
        await self._undelivered.tell(run, slot, refused.error, posted)

    def forget(self, run: str) -> None:
        """Drop what is remembered of a run whose end is published."""
        self._memos.pop(run, None)
        self._render_contexts.forget(run)

    async def _agree(self, run: Run, slot: str, message: Message, posted: dict[str, Posted], memo: _Memo) -> float:
        """Post or edit one message; return the seconds to wait where it is too early for an edit."""
        known = posted.get(slot)
        if known is not None and known.state is MessageState.INTENDED and slot not in memo.absent:
            known = await self._find(run, slot, message, posted, memo)
        if known is None or known.state is MessageState.INTENDED:
            await self._post(run, slot, message, posted, memo)
            return 0
        if known.fingerprint == message.fingerprint:
            return 0
        early = memo.edited.get(slot, -EDIT_SECONDS) + EDIT_SECONDS - time.monotonic()
        early = max(early, self._edits.seconds_left(leaving=_LAST_EDITS))
        # The last edits are few and do not wait: once the result is posted, the whole thread is up to date.
        if early > 0 and not run.ended and run.state is not RunState.NEEDS_HUMAN:
            return early
        await self._edit(run, slot, message, posted, memo)
        return 0

    async def _post(self, run: Run, slot: str, message: Message, posted: dict[str, Posted], memo: _Memo) -> None:
        channel = run.request.origin.channel
        intent = Posted(run.id, slot, channel, "", "", MessageState.INTENDED)
        await self._messages.save(intent)
        posted[slot] = intent
        memo.absent.discard(slot)
        await self._posts[channel].acquire()
        thread = None if slot == CARD else posted[CARD].ts
        try:
            ts = await self._delivery.post(channel, message, thread)
        except (SlackBusyError, SlackRefusedError):
            memo.absent.add(slot)
            raise
        memo.edited[slot] = time.monotonic()
        await self._save(replace(intent, ts=ts, fingerprint=message.fingerprint, state=MessageState.POSTED), posted)

    async def _edit(self, run: Run, slot: str, message: Message, posted: dict[str, Posted], memo: _Memo) -> None:
        known = posted[slot]
        fingerprint = message.fingerprint
        if slot == RESULT:
            message = await self._with_posted_anchor(run, known, message, posted[CARD].ts)
        await self._edits.acquire()
        try:
            await self._delivery.edit(known.channel, known.ts, message)
        except SlackRefusedError as refused:
            if refused.error == _GONE:
                await self._post(run, slot, message, posted, memo)
                return
            if refused.error not in _LOCKED:
                raise
            await self._go_on_elsewhere(run, slot, message, posted, memo)
            return
        memo.edited[slot] = time.monotonic()
        await self._save(replace(known, fingerprint=fingerprint), posted)

    async def _go_on_elsewhere(
        self, run: Run, slot: str, message: Message, posted: dict[str, Posted], memo: _Memo
    ) -> None:
        """Tell what a message would say that cannot be edited any more: in one more message, after that in the thread.

        A request to approve is not posted again, as the reactions on it count.
        """
        again = f"again:{slot}"
        if not is_approval(slot) and again not in posted:
            await self._save(replace(posted[slot], slot=again), posted)
            await self._post(run, slot, message, posted, memo)
            return
        await self._save(replace(posted[slot], fingerprint=message.fingerprint), posted)
        line, status = f"status:{slot}:{run.state.value}", text_message(Markup(message.text.partition("\n")[0]))
        is_told = any(known.fingerprint == status.fingerprint for known in posted.values())
        if line not in posted and not is_told:
            await self._post(run, line, status, posted, memo)

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

    async def _seed(self, run: Run, posted: dict[str, Posted], memo: _Memo) -> None:
        approval = posted[approval_slot(run)]
        if run.gate is None or run.gate.state is not GateState.OPEN or memo.seeded == approval.ts:
            return
        emojis = self._context.operations.emoji
        for emoji in (emojis.approve[0], emojis.reject[0]):
            try:
                await self._gateway.add_reaction(approval.channel, approval.ts, emoji)
            except SlackRefusedError as refused:
                # People can still pick the emoji themselves, so the run does not wait for this.
                _log.warning("cannot seed a reaction", extra={"run": run.id, "emoji": emoji, "error": refused.error})
                await self._undelivered.tell(run, SEED, f"{refused.error} ({emoji})", posted)
        memo.seeded = approval.ts

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
        known = posted.get(LOG)
        if known is not None and known.state is MessageState.POSTED:
            return
        chunks = await self._engine.output(run.id)
        if not any(chunk.data for chunk in chunks):
            return
        channel = run.request.origin.channel
        intent = Posted(run.id, LOG, channel, "", "", MessageState.INTENDED)
        name = file_name(run.id)
        if known is not None and LOG not in memo.absent and await self._has_file(run, name, posted, memo):
            await self._save(replace(intent, state=MessageState.POSTED), posted)
            return
        await self._save(intent, posted)
        memo.absent.discard(LOG)
        text = log_text(run, chunks, self._context.masker, self._context.translator)
        title = self._context.translator.translate("log.title", run=run.id)
        try:
            file = await self._gateway.upload(channel, posted[CARD].ts, name, title, text)
        except SlackBusyError:
            memo.absent.add(LOG)
            raise
        except SlackRefusedError as refused:
            _log.warning("the log could not be uploaded", extra={"run": run.id, "error": refused.error})
            await self._undelivered.tell(run, LOG, refused.error, posted)
            file = ""
        await self._save(replace(intent, ts=file, state=MessageState.POSTED), posted)

    async def _has_file(self, run: Run, name: str, posted: Mapping[str, Posted], memo: _Memo) -> bool:
        messages = await self._said(run, LOG, posted, memo)
        return any(file.get("name") == name for message in messages for file in _files(message))


def _files(message: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [file for file in message.get("files") or [] if isinstance(file, dict)]


def _mark(message: Message) -> object:
    return (message.payload or {}).get("mark")
