"""The append-only, hash-chained history, and its verification."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

GENESIS = "0" * 64
"""The hash before the first record."""


@dataclass(frozen=True)
class Entry:
    """An event before it has a place in the chain.

    Args:
        run: ID of its run; empty if it belongs to none.
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
    """An entry in its place in the chain.

    Args:
        sequence: 1 for the first, without gaps.
        at: when, RFC 3339 in UTC.
        entry: the event.
        before: hash of the previous record, or `GENESIS`.
        hash: of this record.
    """

    sequence: int
    at: str
    entry: Entry
    before: str
    hash: str


def record_hash(sequence: int, at: str, entry: Entry, before: str) -> str:
    """Hash a record together with the previous hash: SHA-256, 64 hexadecimal digits."""
    return hashlib.sha256(record_text(sequence, at, entry, before).encode()).hexdigest()


def record_text(sequence: int, at: str, entry: Entry, before: str) -> str:
    """Write the text whose SHA-256 is the hash of a record: JSON in one line, which ends in the previous hash."""
    body = [sequence, at, entry.run, entry.event, entry.actor, dict(sorted(entry.facts.items())), before]
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False)


def chained(sequence: int, at: str, entry: Entry, before: str) -> Record:
    """Give an entry its place in the chain."""
    return Record(sequence, at, entry, before, record_hash(sequence, at, entry, before))


class Fault(StrEnum):
    """Kind of an inconsistency in a chain."""

    CHANGED = "changed"
    """The record does not match its hash."""
    MISSING = "missing"
    """Another record stands in its place."""
    UNLINKED = "unlinked"
    """Its `before` is not the hash of the previous record: one of the two was replaced."""
    CUT_OFF = "cut_off"
    """The history once continued after this record."""
    END_CHANGED = "end_changed"
    """The last record is not the one that was noted as the last."""
    REWRITTEN = "rewritten"
    """The chain is consistent, but a copy kept elsewhere has another record here."""


@dataclass(frozen=True)
class Break:
    """The first inconsistency of a chain.

    Args:
        sequence: of the first wrong record.
        fault: its kind.
    """

    sequence: int
    fault: Fault


@dataclass(frozen=True)
class Head:
    """The end of a chain, noted apart from its records so that removed records at the end are detected.

    Args:
        sequence: of the last record; 0 if there is none.
        hash: of that record, or `GENESIS`.
    """

    sequence: int
    hash: str


SLACK = "Slack"
"""The source of an anchor that is the metadata of a message."""


@dataclass(frozen=True)
class Anchor:
    """A record as it was noted where whoever can write to the store cannot reach.

    Args:
        head: sequence and hash of the record.
        source: where it was noted, for people: `SLACK`, or the name of a file.
        at: when it was noted, RFC 3339.
    """

    head: Head
    source: str
    at: str


class ChainCheck:
    """Checks a chain record by record, without holding it in memory."""

    def __init__(self) -> None:
        self.checked = 0
        self.head = GENESIS

    def take(self, record: Record) -> Break | None:
        """Check the next record; after a break, take no more."""
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
    """Check a chain from its first record.

    Args:
        records: in order of their sequence.

    Returns:
        The sequence of the first record that was changed, is missing or is out of place; None if there is none.
    """
    check = ChainCheck()
    for record in records:
        found = check.take(record)
        if found is not None:
            return found.sequence
    return None
