"""The append-only, hash-chained history: what the bot says happened can be checked."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

GENESIS = "0" * 64
"""What the first record names as the hash before it."""


@dataclass(frozen=True)
class Entry:
    """Something that happened, before it has its place in the chain.

    Args:
        run: the run it belongs to; empty where it belongs to none.
        event: a code such as `gate_approved`.
        actor: Slack's ID of the person, or `bot`, or `schedule`.
        facts: its values; nothing secret.
    """

    run: str
    event: str
    actor: str
    facts: Mapping[str, str]


@dataclass(frozen=True)
class Record:
    """An entry in its place.

    Args:
        sequence: 1 for the first, without gaps.
        at: when, RFC 3339 in UTC.
        entry: what happened.
        before: the hash of the record before, or `GENESIS`.
        hash: of this one.
    """

    sequence: int
    at: str
    entry: Entry
    before: str
    hash: str


def record_hash(sequence: int, at: str, entry: Entry, before: str) -> str:
    """Hash a record together with the hash before it: SHA-256, 64 hexadecimal digits."""
    body = [sequence, at, entry.run, entry.event, entry.actor, dict(sorted(entry.facts.items())), before]
    text = json.dumps(body, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def chained(sequence: int, at: str, entry: Entry, before: str) -> Record:
    """Give an entry its place in the chain."""
    return Record(sequence, at, entry, before, record_hash(sequence, at, entry, before))


def first_break(records: Iterable[Record]) -> int | None:
    """Check a chain from its first record on.

    Args:
        records: in order of their sequence.

    Returns:
        The sequence at which the chain does not hold (a record changed, is missing or is out of place), or None.
    """
    before = GENESIS
    expected = 1
    for record in records:
        if record.sequence != expected or record.before != before:
            return expected
        if record_hash(record.sequence, record.at, record.entry, record.before) != record.hash:
            return record.sequence
        before = record.hash
        expected += 1
    return None
