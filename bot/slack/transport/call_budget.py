"""Which calls of Slack's Web API may be made now: within Slack's limits, the most important first. Without a clock.

The limits are Slack's (https://docs.slack.dev/apis/web-api/rate-limits): so many calls of a method a minute by its
tier, for one app in one workspace; messages at one a second in a channel, with short bursts.
"""

from __future__ import annotations

import math
from bisect import insort
from collections import defaultdict, deque
from dataclasses import dataclass, field
from enum import IntEnum


class Importance(IntEnum):
    """What a call is for; a lower number goes first."""

    ANSWER = 0
    """Somebody waits for it at this moment."""
    ESSENTIAL = 1
    """Requests to approve and outcomes, and the last reading before a change."""
    SECOND_EMOJI = 2
    """The second reaction that the bot adds under a request to approve; the first one is essential."""
    VOTE = 3
    """Reading the reactions after an event, and showing what was read."""
    LAST = 4
    """The last edit of a message."""
    STATE = 5
    """An edit that shows another state."""
    PROGRESS = 6
    """An edit that shows another step, and reading the reactions without an event."""
    CLOCK = 7
    """An edit of which only the elapsed time is new."""


_SHARES = {
    Importance.VOTE: 0.95,
    Importance.LAST: 0.9,
    Importance.STATE: 0.6,
    Importance.PROGRESS: 0.5,
    Importance.CLOCK: 0.3,
}
"""How much of a method's limit may be used up by calls so important; the rest is kept for more important ones."""

_MOST_FOR_VOTES = 0.2
"""The share of a limit that last edits leave for votes, where there were so many lately."""


@dataclass(frozen=True)
class Limit:
    """How often something may be called.

    Args:
        calls: at most, in any span of `seconds`.
        seconds: length of the span.
    """

    calls: int
    seconds: float


POST = "chat_postMessage"
POSTS_IN_CHANNEL = Limit(5, 5.0)

_TIER_2, _TIER_3, _TIER_4 = Limit(20, 60.0), Limit(50, 60.0), Limit(100, 60.0)
_LIMITS = {
    POST: Limit(300, 60.0),  # Slack: several hundred a minute, beside the limit of each channel
    "auth_test": Limit(300, 60.0),  # Slack: hundreds a minute
    "chat_postEphemeral": _TIER_4,
    "conversations_members": _TIER_4,
    "files_info": _TIER_4,
    "files_upload_v2": _TIER_4,
    "usergroups_list": _TIER_2,
    "usergroups_users_list": _TIER_2,
    "users_info": _TIER_4,
    "views_open": _TIER_4,
    "views_publish": _TIER_4,
    "views_update": _TIER_4,
}
"""By the name of the SDK's method; the other methods that are called are of tier 3."""

_WRITTEN_BY_LEADER = frozenset({POST, "chat_update", "chat_delete", "reactions_add", "files_upload_v2"})
"""Methods that only the replica calls which writes to Slack; what every replica calls is divided among them."""


@dataclass(frozen=True)
class Call:
    """A call that somebody wants to make.

    Args:
        method: name of the SDK's method.
        importance: what it is for.
        channel: in which a message is posted; empty for every other method.
        key: what it is about, so that it keeps its place where it is asked for again; empty where that never happens.
    """

    method: str
    importance: Importance
    channel: str = ""
    key: str = ""


@dataclass(eq=False)
class Turn:
    """The place of a call in its queue.

    Args:
        call: to make.
        number: in the order of asking.
        granted: whether it may be made now.
    """

    call: Call
    number: int
    granted: bool = False

    def __lt__(self, other: Turn) -> bool:
        """Return whether it comes before another one."""
        return (self.call.importance, self.number) < (other.call.importance, other.number)


@dataclass
class _Window:
    """The latest calls that count against one limit.

    A call counts from when it is granted until the limit's span after its answer, as Slack counted it in between.
    """

    open: int = 0
    ended: deque[float] = field(default_factory=deque)
    last: float = -math.inf
    votes: deque[float] = field(default_factory=deque)

    def votes_since(self, earliest: float) -> int:
        """Count the calls for votes that were granted since a time."""
        while self.votes and self.votes[0] < earliest:
            self.votes.popleft()
        return len(self.votes)

    def used(self, seconds: float, now: float) -> int:
        """Count the calls of the last `seconds`."""
        while self.ended and self.ended[0] + seconds <= now:
            self.ended.popleft()
        return self.open + len(self.ended)

    def free_at(self, calls: int, seconds: float, now: float) -> float:
        """Give when there are fewer than so many calls; infinite where one must be answered before."""
        too_many = self.used(seconds, now) - calls + 1
        if too_many <= 0:
            return now
        return self.ended[too_many - 1] + seconds if too_many <= len(self.ended) else math.inf


class CallBudget:
    """Orders the calls of one process. Times are seconds from any start."""

    def __init__(self) -> None:
        """Start with nothing used."""
        self.replicas = 1
        """How many processes use the same app."""
        self._numbers = 0
        self._queues: defaultdict[str, list[Turn]] = defaultdict(list)
        self._methods: defaultdict[str, _Window] = defaultdict(_Window)
        self._channels: defaultdict[str, _Window] = defaultdict(_Window)
        self._stopped: dict[str, float] = {}

    def ask(self, call: Call, instead_of: Turn | None = None) -> Turn:
        """Enter a call into its queue; `grant` gives it its turn.

        Args:
            call: to make.
            instead_of: a turn that was not granted yet, whose place it takes; None for a place at the end.
        """
        self._numbers += 1
        turn = Turn(call, self._numbers)
        if instead_of is not None:
            self.withdraw(instead_of)
            turn.number = instead_of.number
        insort(self._queues[call.method], turn)
        return turn

    def grant(self, now: float) -> tuple[Turn, ...]:
        """Give the calls that may be made now their turn, the most important first."""
        granted = []
        for queue in self._queues.values():
            for turn in tuple(queue):
                if self._allowed_at(turn.call, now) > now:
                    continue
                queue.remove(turn)
                turn.granted = True
                granted.append(turn)
                for window in self._windows(turn.call):
                    window.open += 1
                    window.last = now
                    if turn.call.importance is Importance.VOTE:
                        window.votes.append(now)
        return tuple(granted)

    def end(self, turn: Turn, now: float) -> None:
        """Note that a call was answered, or that no answer will come."""
        for window in self._windows(turn.call):
            window.open -= 1
            window.ended.append(now)

    def withdraw(self, turn: Turn) -> None:
        """Take a call back that was not made."""
        if turn.granted:
            for window in self._windows(turn.call):
                window.open -= 1
        else:
            self._queues[turn.call.method].remove(turn)

    def stop(self, method: str, until: float) -> None:
        """Grant no call of a method before then: Slack asked to wait."""
        self._stopped[method] = max(until, self._stopped.get(method, until))

    def is_free(self, call: Call, now: float) -> bool:
        """Return whether a call would have its turn at once."""
        first = next(iter(self._queues[call.method]), None)
        return (first is None or first.call.importance > call.importance) and self._allowed_at(call, now) <= now

    def is_contended(self, channel: str, but: str, now: float) -> bool:
        """Return whether messages wait for their turn in a channel or in the whole workspace.

        Args:
            channel: the channel.
            but: the beginning of the keys of messages in the channel that do not count.
            now: the time.
        """
        if self._allowed_at(Call(POST, Importance.ESSENTIAL), now) > now:
            return True
        return any(turn.call.channel == channel and not turn.call.key.startswith(but) for turn in self._queues[POST])

    def next_at(self, now: float) -> float:
        """Give when the next of the waiting calls may have its turn; infinite where that is not known yet."""
        waiting = (turn.call for queue in self._queues.values() for turn in queue)
        return min((self._allowed_at(call, now) for call in waiting), default=math.inf)

    def _windows(self, call: Call) -> tuple[_Window, ...]:
        method = self._methods[call.method]
        return (method, self._channels[call.channel]) if call.channel else (method,)

    def _allowed_at(self, call: Call, now: float) -> float:
        limit, window = self._limit(call.method), self._methods[call.method]
        calls = int(limit.calls * _SHARES.get(call.importance, 1.0))
        if call.importance is Importance.LAST:
            votes = window.votes_since(now - limit.seconds)
            calls -= min(votes, int(limit.calls * _MOST_FOR_VOTES))
        calls = max(1, calls)
        at = max(now, self._stopped.get(call.method, now), window.free_at(calls, limit.seconds, now))
        if call.importance >= Importance.STATE:
            # The more is used, the further apart, so that no burst is followed by a long silence.
            at = max(at, window.last + 2 * limit.seconds * window.used(limit.seconds, now) / calls**2)
        if call.channel:
            calls, seconds = POSTS_IN_CHANNEL.calls, POSTS_IN_CHANNEL.seconds
            at = max(at, self._channels[call.channel].free_at(calls, seconds, now))
        return at

    def _limit(self, method: str) -> Limit:
        limit = _LIMITS.get(method, _TIER_3)
        if method in _WRITTEN_BY_LEADER:
            return limit
        return Limit(max(1, limit.calls // self.replicas), limit.seconds)
