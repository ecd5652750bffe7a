"""How a watch goes on: each look, what crosses the line, what cannot be read, and its end."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.domain.runs.watching import GAP, Sighting, Watched, Watching, WatchState

UNTIL = datetime(2026, 11, 16, 12, 10, tzinfo=UTC)
FINE = Sighting(Watched.HEALTH, crossed=False)
BAD = Sighting(Watched.HEALTH, crossed=True, detail="502")
UNREAD = Sighting(Watched.LOG, None, "Permission denied")
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("sightings", "now", "state"),
    [
        ((FINE,), UNTIL - SECOND, WatchState.WATCHING),
        ((FINE,), UNTIL, WatchState.OVER),
        ((FINE, UNREAD), UNTIL - SECOND, WatchState.WATCHING),
        ((UNREAD,), UNTIL, WatchState.OVER),
        ((BAD, UNREAD), UNTIL - SECOND, WatchState.CROSSED),
        ((BAD,), UNTIL + timedelta(hours=2), WatchState.CROSSED),
        ((), UNTIL, WatchState.OVER),
    ],
)
def test_a_look(sightings: tuple[Sighting, ...], now: datetime, state: WatchState) -> None:
    after = Watching(UNTIL).seen(sightings, now)
    assert after.state is state
    assert (after.ended_at is None) is (state is WatchState.WATCHING)
    assert after.unread == tuple(one for one in sightings if one is UNREAD)
    assert after.crossed == tuple(one for one in sightings if one is BAD)


def test_what_cannot_be_read_is_kept_as_it_was_first() -> None:
    first = Watching(UNTIL).seen((UNREAD,), UNTIL - SECOND)
    again = Sighting(Watched.LOG, None, "no answer")
    other = Sighting(Watched.COMMAND, None, "no answer")
    assert first.seen((again, other), UNTIL - SECOND).unread == (UNREAD, other)
    assert first.seen((again,), UNTIL - SECOND) == first


def test_a_watch_that_ends_long_after_its_time_was_interrupted() -> None:
    assert not Watching(UNTIL).seen((FINE,), UNTIL + GAP).had_a_gap
    assert Watching(UNTIL).seen((FINE,), UNTIL + GAP + SECOND).had_a_gap
