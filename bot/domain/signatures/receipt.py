"""A run as one text that can be checked without the bot: the plan, the signatures, and the history with its chain.

Each part stands between two lines that no part can contain, so that `sed` takes it out as it was signed or hashed. What
is told for people is made of the history, and checked against it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256

from bot.domain.runs.history import Entry, Head, Record, record_hash, record_text
from bot.domain.runs.plan_json import plan_digest
from bot.domain.runs.recorded_run import RESULTS
from bot.domain.signatures.plan_text import PlanTextError, PlanToSign, read_plan_text
from bot.domain.signatures.signature import read_armour
from bot.domain.signatures.signer_keys import NAMESPACE, SignerKey, read_allowed_signers
from bot.domain.signatures.visible_text import visible

TITLE = "COUNTERSIGN RECEIPT 1"

_PLAN, _SIGNERS, _HISTORY = "PLAN", "SIGNERS", "HISTORY"
_OPENED = frozenset({"gate_opened", "glass_broken", "gate_waived"})
_APPROVED = frozenset({"gate_approved", "countersigned"})
_PART = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----\n(.*?)\n-----END \1-----\n", re.DOTALL)
_SIGNATURE = re.compile(r"SIGNATURE ([0-9]+) OF ([UW][A-Z0-9]+)")
_HASH = re.compile(r"[0-9a-f]{64}")


class ReceiptError(ValueError):
    """A text is no receipt; the message says why."""


@dataclass(frozen=True)
class ReceivedSignature:
    """A signature in a receipt.

    Args:
        user: Slack's ID of who signed.
        armour: the signature.
    """

    user: str
    armour: str


@dataclass(frozen=True)
class Receipt:
    """What a receipt holds.

    Args:
        run: ID of the run.
        plan: the text that was, or would have been, signed.
        signatures: of it, in the order in which they were given.
        signers: the keys that made them, as `allowed_signers`.
        records: the history from the run's first record on, without gaps.
        anchor: the record of the run's result, as it was noted outside of the store; None where there is none yet.
    """

    run: str
    plan: str
    signatures: tuple[ReceivedSignature, ...]
    signers: str
    records: tuple[Record, ...]
    anchor: Head | None

    @property
    def own(self) -> tuple[Record, ...]:
        """The records of the run itself."""
        return tuple(record for record in self.records if record.entry.run == self.run)


def signers_text(keys: Mapping[str, list[str]]) -> str:
    """Write keys as `allowed_signers`, by Slack's ID of the person."""
    lines = (f'{user} namespaces="{NAMESPACE}" {key}' for user, own in sorted(keys.items()) for key in own)
    return "\n".join(dict.fromkeys(lines)) or "# nobody signed"


def receipt_text(receipt: Receipt) -> str:
    """Write a receipt."""
    anchor = receipt.anchor
    states = [RESULTS[each.entry.event].value for each in receipt.own if each.entry.event in RESULTS]
    lines = [
        TITLE,
        "",
        f"Run      {receipt.run}",
        f"State    {states[-1] if states else 'not ended'}",
        f"Anchor   {f'{anchor.sequence} {anchor.hash}' if anchor is not None else 'none'}",
        "",
        "== What happened, by the history below ==",
        *map(_told, receipt.own),
        "",
        *_part(_PLAN, receipt.plan.rstrip("\n")),
        *(
            line
            for number, signature in enumerate(receipt.signatures, start=1)
            for line in _part(f"SIGNATURE {number} OF {signature.user}", signature.armour.rstrip("\n"))
        ),
        *_part(_SIGNERS, receipt.signers.rstrip("\n")),
        *_part(_HISTORY, "\n".join(map(_line, receipt.records))),
    ]
    return "\n".join(lines) + "\n"


def read_receipt(text: str) -> Receipt:
    """Read what `receipt_text` wrote.

    Raises:
        ReceiptError: it is something else, or a part of it was changed.
    """
    if not text.startswith(f"{TITLE}\n"):
        raise ReceiptError(f"its first line is not {TITLE!r}")
    parts = dict(_PART.findall(text))
    missing = next((part for part in (_PLAN, _SIGNERS, _HISTORY) if part not in parts), None)
    if missing is not None:
        raise ReceiptError(f"it has no part {missing}")
    named = re.search(r"^Run      (R-[0-9A-Z]+)$", text, re.MULTILINE)
    anchored = re.search(r"^Anchor   ([0-9]+) ([0-9a-f]{64})$", text, re.MULTILINE)
    signatures = tuple(
        ReceivedSignature(found[2], body + "\n")
        for name, body in parts.items()
        if (found := _SIGNATURE.fullmatch(name)) is not None
    )
    receipt = Receipt(
        run=named[1] if named is not None else "",
        plan=parts[_PLAN] + "\n",
        signatures=signatures,
        signers=parts[_SIGNERS],
        records=tuple(map(_record, parts[_HISTORY].split("\n"))),
        anchor=None if anchored is None else Head(int(anchored[1]), anchored[2]),
    )
    if receipt_text(receipt) != text:
        raise ReceiptError("what it tells is not what its history says, or something was put between its parts")
    return receipt


def faults(receipt: Receipt) -> tuple[str, ...]:
    """Say what in a receipt does not hold, signatures aside; empty where everything does."""
    return (*_chain(receipt), *_plan(receipt), *_signed(receipt))


def keys_of(receipt: Receipt) -> Mapping[str, tuple[SignerKey, ...]]:
    """Read the keys that a receipt names.

    Raises:
        ReceiptError: they cannot be read.
    """
    try:
        return read_allowed_signers(receipt.signers)
    except ValueError as error:
        raise ReceiptError(f"its signers: {error}") from None


def _part(name: str, body: str) -> tuple[str, ...]:
    return (f"-----BEGIN {name}-----", body, f"-----END {name}-----")


def _told(record: Record) -> str:
    entry = record.entry
    facts = " ".join(f"{visible(name)}={visible(value)}" for name, value in sorted(entry.facts.items()))
    return f"{record.at} {visible(entry.event)} by {visible(entry.actor)} {facts}".rstrip()


def _line(record: Record) -> str:
    return f"{record.hash} {record_text(record.sequence, record.at, record.entry, record.before)}"


def _record(line: str) -> Record:
    noted, _, body = line.partition(" ")
    try:
        sequence, at, run, event, actor, facts, before = json.loads(body)
        entry = Entry(str(run), str(event), str(actor), {str(name): str(value) for name, value in facts.items()})
        return Record(int(sequence), str(at), entry, str(before), noted)
    except (ValueError, TypeError, AttributeError, RecursionError):
        raise ReceiptError("a line of its history cannot be read") from None


def _chain(receipt: Receipt) -> Iterator[str]:
    before: Record | None = None
    for record in receipt.records:
        if record_hash(record.sequence, record.at, record.entry, record.before) != record.hash:
            yield f"record {record.sequence} is not what its hash says"
        if before is not None and (record.before, record.sequence) != (before.hash, before.sequence + 1):
            yield f"record {record.sequence} does not follow from the one before it"
        before = record
    if not receipt.own or receipt.own[0].entry.event != "requested":
        yield "its history does not begin with the request of the run"
    anchor = receipt.anchor
    if anchor is not None and not any(
        (each.sequence, each.hash) == (anchor.sequence, anchor.hash) for each in receipt.own
    ):
        yield f"its anchor, record {anchor.sequence}, is not in its history"


def _plan(receipt: Receipt) -> Iterator[str]:
    try:
        wanted = read_plan_text(receipt.plan)
    except PlanTextError as error:
        yield f"its plan: {error}"
        return
    opened = next((each for each in reversed(receipt.own) if each.entry.event in _OPENED), None)
    if opened is None:
        yield "its history has no request to approve a plan"
        return
    facts = opened.entry.facts
    if (wanted.run, plan_digest(wanted.plan)) != (receipt.run, facts.get("plan")):
        yield f"its plan is not the one of record {opened.sequence}"
    if facts.get("nonce", wanted.nonce) != wanted.nonce:
        yield f"the nonce of its plan is not that of record {opened.sequence}"
    yield from _enough(receipt, wanted)


def _enough(receipt: Receipt, wanted: PlanToSign) -> Iterator[str]:
    """Find an approval for which the plan's own requirement asks for more signatures than there are."""
    approved = next((each for each in receipt.own if each.entry.event in _APPROVED), None)
    needed = max((part.count for part in wanted.plan.requirement.parts if part.signed), default=0)
    signers = {signature.user for signature in receipt.signatures}
    if approved is not None and len(signers) < needed:
        yield f"it was approved (record {approved.sequence}) with {len(signers)} of {needed} signatures"


def _signed(receipt: Receipt) -> Iterator[str]:
    recorded = {
        (each.entry.actor, each.entry.facts.get("signature", ""), each.entry.facts.get("text", ""))
        for each in receipt.own
        if each.entry.event == "signed"
    }
    text = sha256(receipt.plan.encode()).hexdigest()
    for number, signature in enumerate(receipt.signatures, start=1):
        armour = read_armour(signature.armour)
        if armour is None:
            yield f"signature {number} cannot be read"
        elif (signature.user, armour.sha256, text) not in recorded:
            yield f"signature {number}, of {signature.user}, is not in the history"
