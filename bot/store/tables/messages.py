"""The messages that Slack has of each run."""

from __future__ import annotations

from sqlalchemy import case, null, select, update
from sqlalchemy.engine import Connection

from bot.domain.inbox import CARD, Posted
from bot.store.rows import posted_from_row
from bot.store.schema import messages, runs
from bot.store.sql.upserts import put


def of_run(connection: Connection, run: str) -> dict[str, Posted]:
    """Read the messages of a run, by slot."""
    query = select(messages).where(messages.c.run == run).order_by(messages.c.slot)
    return {row["slot"]: posted_from_row(row) for row in connection.execute(query).mappings()}


def save(connection: Connection, posted: Posted) -> None:
    """Insert or replace one message."""
    put(
        connection,
        messages,
        {
            "run": posted.run,
            "slot": posted.slot,
            "channel": posted.channel,
            "ts": posted.ts,
            "fingerprint": posted.fingerprint,
            "state": posted.state.value,
        },
    )


def find(connection: Connection, channel: str, ts: str) -> Posted | None:
    """Find a message by its place in Slack; one that is only intended has no `ts` and is never found."""
    query = select(messages).where(messages.c.channel == channel, messages.c.ts == ts, messages.c.ts != "").limit(1)
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else posted_from_row(row)


def unpublished(connection: Connection) -> tuple[str, ...]:
    """Name the runs that changed since they were published, oldest change first."""
    query = (
        select(runs.c.id)
        .where(runs.c.unpublished_since.is_not(None))
        .order_by(runs.c.unpublished_since, runs.c.sequence)
    )
    return tuple(connection.execute(query).scalars())


def mark_published(connection: Connection, run: str, revision: int) -> None:
    """Note the revision up to which Slack shows a run.

    A lower one than noted before, or one that the run never had, changes nothing.
    """
    connection.execute(
        update(runs)
        .where(runs.c.id == run, runs.c.published_revision < revision, runs.c.revision >= revision)
        .values(
            published_revision=revision,
            unpublished_since=case((runs.c.revision == revision, null()), else_=runs.c.unpublished_since),
        )
    )


def cards(connection: Connection, wanted: frozenset[str]) -> dict[str, Posted]:
    """Read the posted cards of runs, by the run's ID."""
    query = select(messages).where(messages.c.run.in_(sorted(wanted)), messages.c.slot == CARD, messages.c.ts != "")
    return {row["run"]: posted_from_row(row) for row in connection.execute(query).mappings()}
