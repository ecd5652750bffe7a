"""The append-only, hash-chained history: what the bot says happened can be checked."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

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


class Fault(StrEnum):
    """In which way a chain does not hold."""

    CHANGED = "changed"
    """The record is not what its hash says."""
    MISSING = "missing"
    """Another record stands in its place."""
    UNLINKED = "unlinked"
    """It does not follow from the record before it: one of the two was replaced."""
    CUT_OFF = "cut_off"
    """The history once went on from here."""
    END_CHANGED = "end_changed"
    """The record is the last one, and not the one that was noted as the last."""
    REWRITTEN = "rewritten"
    """It follows, but a copy that was kept elsewhere has another record there."""


@dataclass(frozen=True)
class Break:
    """Where a chain does not hold.

    Args:
        sequence: of the first record that is wrong.
        fault: in which way.
    """

    sequence: int
    fault: Fault


@dataclass(frozen=True)
class Head:
    """Where a chain ends, noted apart from its records, so that records cut off at its end are missed.

    Args:
        sequence: of the last record; 0 where there is none.
        hash: of that record, or `GENESIS`.
    """

    sequence: int
    hash: str


class ChainCheck:
    """Checks a chain record by record, so that it need not be in memory as a whole."""

    def __init__(self) -> None:
        self.checked = 0
        self.head = GENESIS

    def take(self, record: Record) -> Break | None:
        """Check the next record; give what is wrong with it, after which nothing more is to be taken."""
        expected = self.checked + 1
        if record.sequence != expected:
            return Break(expected, Fault.MISSING)
        if record_hash(record.sequence, record.at, record.entry, record.before) != record.hash:
            return Break(expected, Fault.CHANGED)
        if record.before != self.head:
            return Break(expected, Fault.UNLINKED)
        self.checked, self.head = record.sequence, record.hash
        return None

    def end(self, noted: Head) -> Break | None:
        """Check that the chain ends where it was noted to end."""
        if (self.checked, self.head) == (noted.sequence, noted.hash):
            return None
        if noted.sequence > self.checked:
            return Break(self.checked + 1, Fault.CUT_OFF)
        return Break(self.checked, Fault.END_CHANGED)


def first_break(records: Iterable[Record]) -> int | None:
    """Check a chain from its first record on.

    Args:
        records: in order of their sequence.

    Returns:
        The sequence at which the chain does not hold (a record changed, is missing or is out of place), or None.
    """
    check = ChainCheck()
    for record in records:
        found = check.take(record)
        if found is not None:
            return found.sequence
    return None
