"""`plan.txt`: the text that is signed, made of a plan, and read back.

A person reads the text and signs its bytes; the bot makes the same text of the plan that it is about to run, and takes
a signature of exactly these bytes alone. So whoever controls Slack, the thread or the file can show another text, but a
signature of it counts for nothing.

The text has everything that the plan has. Its last section is the plan's canonical JSON, of which the digest is taken:
whoever has this program or `base64` and `sha256sum` can see that text, JSON and digest belong together.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import UTC, datetime
from enum import Enum
from hashlib import sha256

from bot.domain.policies.policy import Requirement
from bot.domain.runs.findings import Finding, facts_of
from bot.domain.runs.plan import BOT, Plan, Step, canonical_text
from bot.domain.runs.plan_json import plan_from_json, plan_to_json
from bot.domain.runs.run import Run
from bot.domain.secrets import Masker
from bot.domain.shell import Command
from bot.domain.signatures.visible_text import original, visible, wrapped

TITLE = "COUNTERSIGN PLAN 1"
"""The first line; the number rises when the same plan is written in another way."""

NAME = "plan.txt"

MAX_BYTES = 8 * 1024 * 1024

_LONG = 2000
"""Characters up to which a text that is no command is written out; of longer ones there is the hash."""

_LABEL = 14
_ENCODED_WIDTH = 76
_WHOLE = "== The whole plan: its canonical JSON in base64; the plan's digest is its SHA-256 =="
_TIME = "%Y-%m-%d %H:%M:%S UTC"
_BEFORE, _AFTER = "before the first change", "afterwards: an emergency, whose changes did not wait"
_PREAMBLE = (
    "Read all of it before you sign it: you sign these bytes, and exactly this is what runs.",
    "There is nothing but printable ASCII in it. \\u{E9} stands for the character of that number (here U+00E9),",
    'and \\u{A} for a line break within a value. A line that begins with "..." goes on with the one before.',
    "[reads], [changes] and [destroys] say what a step can do to production. People are named by Slack's IDs.",
)


class PlanTextError(ValueError):
    """A text is no `plan.txt`, or its parts do not belong together; the message says which."""


@dataclass(frozen=True)
class PlanToSign:
    """What a signature is for: one plan, in one request to approve it.

    Args:
        run: ID of the run.
        plan: sealed.
        nonce: of the request to approve.
        expires_at: when that ends, or by when a late approval is due.
        afterwards: whether it is a late approval.
    """

    run: str
    plan: Plan
    nonce: str
    expires_at: datetime
    afterwards: bool


def plan_to_sign(run: Run) -> PlanToSign | None:
    """Give what is signed for a run; None where it has no plan that anybody is asked to approve."""
    plan, gate = run.plan, run.gate
    if plan is None or gate is None:
        return None
    return PlanToSign(run.id, plan, gate.nonce, gate.expires_at, gate.afterwards)


def text_to_sign(run: Run, masker: Masker) -> str | None:
    """Give the text that is signed for a run; None where it has none, or one that would give a secret away.

    A masked text would not be the plan's any more.

    Args:
        run: with its plan and its gate.
        masker: of the installation's secrets.
    """
    wanted = plan_to_sign(run)
    if wanted is None:
        return None
    text, canonical = plan_text(wanted), canonical_text(plan_to_json(wanted.plan))
    return text if masker.mask(text) == text and masker.mask(canonical) == canonical else None


def plan_text(wanted: PlanToSign) -> str:
    """Write the text that is signed: printable ASCII and line breaks. The same values always give the same text."""
    canonical = canonical_text(plan_to_json(wanted.plan))
    # Read back, so that nothing is written that the canonical JSON does not say, such as the order of a mapping.
    plan = plan_from_json(json.loads(canonical))
    parts = (
        TITLE,
        "",
        *_PREAMBLE,
        "",
        *_head(replace(wanted, plan=plan), sha256(canonical.encode()).hexdigest()),
        *_section(f"Commits ({plan.commit_count} in all, the newest first)", _commits(plan)),
        *_section(f"Migrations to {'undo' if plan.undo else 'run'} ({len(plan.migrations)})", _migrations(plan)),
        *_section("Steps, in this order", _steps(plan)),
        *_section("Hosts in batches", _batches(plan)),
        *_section("Steps that are not needed", _skipped(plan)),
        *_section("What was found before", _findings(plan)),
        *_section("What must still be so when it begins", _basis(plan)),
        "",
        _WHOLE,
        *_encoded(canonical),
    )
    return "\n".join(parts) + "\n"


def readable_part(text: str) -> str:
    """Give a text without its last section, which is for programs."""
    return text.partition(f"\n{_WHOLE}\n")[0]


def read_plan_text(text: str) -> PlanToSign:
    """Read a text that `plan_text` wrote, and make sure that all its parts belong together.

    Raises:
        PlanTextError: it is something else, or was changed.
    """
    if not text.isascii() or any(not (" " <= letter <= "~") and letter != "\n" for letter in text):
        raise PlanTextError("it has characters other than printable ASCII, which no plan.txt has")
    first = text.partition("\n")[0]
    if first != TITLE:
        raise PlanTextError(f"its first line is not {TITLE!r}: it is no plan.txt, or of another version")
    plan = _read_plan(text)
    head = text.partition("\n== ")[0]
    values = {label: _read_label(head, label) for label in ("Run", "Nonce", "Ends", "Approval")}
    try:
        expires_at = datetime.strptime(values["Ends"], _TIME).replace(tzinfo=UTC)
    except ValueError:
        raise PlanTextError("it does not say when it ends") from None
    wanted = PlanToSign(values["Run"], plan, values["Nonce"], expires_at, afterwards=values["Approval"] == _AFTER)
    expected = plan_text(wanted)
    if expected != text:
        raise PlanTextError(_first_difference(expected, text))
    return wanted


def _read_plan(text: str) -> Plan:
    _, found, encoded = text.partition(f"\n{_WHOLE}\n")
    try:
        canonical = base64.b64decode(encoded.replace("\n", ""), validate=True).decode() if found else ""
        plan = plan_from_json(json.loads(canonical))
        if canonical_text(plan_to_json(plan)) == canonical:
            return plan
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        pass
    raise PlanTextError("the plan at its end cannot be read: it was changed, or is of another version")


def _read_label(head: str, label: str) -> str:
    found = re.search(rf"^{label:{_LABEL}}(.+)$", head, re.MULTILINE)
    return original(found[1]) if found is not None else ""


def _first_difference(expected: str, text: str) -> str:
    pairs = zip(expected.split("\n"), text.split("\n"), strict=False)
    number = next((number for number, (one, other) in enumerate(pairs, start=1) if one != other), 0)
    where = f"line {number} is not what the plan says" if number else "it ends elsewhere than the plan does"
    return f"{where}: it was changed, or is of another version"


def _head(wanted: PlanToSign, digest: str) -> Iterator[str]:
    plan, request = wanted.plan, wanted.plan.request
    values = {
        "Target": str(request.target),
        "Command": request.action.value,
        "Typed": request.typed,
        "Requested by": request.origin.user,
        "Freeze": f"during a freeze, because: {request.during_freeze}" if request.during_freeze else "",
        "Emergency": f"because: {request.emergency}" if request.emergency else "",
        "Run": wanted.run,
        "Commit": str(plan.sha or ""),
        "Backup": plan.backup or "none",
        "Data": "may be dropped or rewritten" if plan.may_destroy else "is not dropped or rewritten",
        "Asked for": " and ".join(map(_asks, plan.requirement.parts)),
        "Approval": _AFTER if wanted.afterwards else _BEFORE,
        "Ends": wanted.expires_at.astimezone(UTC).strftime(_TIME),
        "Nonce": wanted.nonce,
        "Plan": digest,
    }
    for label, value in values.items():
        if value:
            yield from _labelled(f"{label:{_LABEL}}", value)


def _asks(part: Requirement) -> str:
    people = ", ".join(part.eligible.names) or "nobody"
    signed = ", signed" if part.signed else ""
    return f"{part.count} of {people}{signed}{', the requester too' if part.allow_requester else ''}"


def _labelled(label: str, value: str) -> Iterator[str]:
    """Write a value that may need several lines; only the first begins as the label does."""
    first, *more = wrapped(value)
    yield f"{label}{first}".rstrip()
    indent = " " * (len(label) - len(label.lstrip()))
    yield from (f"{indent}... {line}" for line in more)


def _section(title: str, lines: Iterator[str]) -> Iterator[str]:
    found = list(lines)
    if found:
        yield from ("", f"== {title} ==", *found)


def _commits(plan: Plan) -> Iterator[str]:
    for commit in plan.commits:
        yield from _labelled(f"  {visible(commit.sha)}  ", commit.subject)
        yield from _labelled("    by ", commit.author)


def _migrations(plan: Plan) -> Iterator[str]:
    told = {name: [found for found in plan.findings if _migration_of(found) == name] for name in plan.migrations}
    for number, name in enumerate(plan.migrations, start=1):
        yield from _labelled(f"  {number}. ", name)
        for found in told[name]:
            yield from _finding(found, "     ", without=name)


def _migration_of(found: Finding) -> str:
    facts = facts_of(found)
    named = facts.get("migration") or (facts.get("name") if found.kind.startswith("migration") else None)
    return named or ""


def _findings(plan: Plan) -> Iterator[str]:
    shown = set(plan.migrations)
    for found in plan.findings:
        if _migration_of(found) not in shown:
            yield from _finding(found, "  ")


def _finding(found: Finding, indent: str, without: str = "") -> Iterator[str]:
    yield f"{indent}- {visible(found.kind)}"
    for name, value in facts_of(found).items():
        if value and not (without and name in ("name", "migration")):
            yield from _text(f"{indent}    {visible(name)}: ", value)


def _steps(plan: Plan) -> Iterator[str]:
    for number, step in enumerate(plan.steps, start=1):
        yield from _labelled(f"  {number}. [{step.risk.value}] ", step.title)
        yield from _labelled("     on: ", ", ".join(step.hosts) if step.places != (BOT,) else "the bot itself")
        yield from _labelled("     as: ", _circumstances(step))
        yield f"     does: {visible(step.act.act)}"
        for field in fields(step.act):
            yield from _field(field.name, getattr(step.act, field.name))
        yield from _field("check", step.check)


def _batches(plan: Plan) -> Iterator[str]:
    divided = plan.batches
    if divided is None:
        return
    for number, hosts in enumerate(divided.hosts, start=1):
        yield from _labelled(f"  {number}. ", ", ".join(hosts))
    yield from _labelled("  steps of each: ", ", ".join(divided.steps))
    yield f"  pause between two: {divided.pause} s"


def _circumstances(step: Step) -> str:
    undoes = f", undoes {step.undoes}" if step.undoes else ""
    schema = ", changes the schema" if step.schema else ""
    failure = f"if it fails: {step.on_failure.value.replace('_', ' ')}"
    return f"{step.key} (phase {step.phase.value}, at most {step.timeout} s, {failure}{undoes}{schema})"


def _field(name: str, value: object) -> Iterator[str]:
    label = f"     {visible(name.replace('_', ' '))}: "
    match value:
        case None:
            return
        case Command():
            yield label.rstrip()
            yield from _script(value.script())
        case str():
            yield from _text(label, value)
        case tuple() if value:
            yield label.rstrip()
            for item in value:
                yield from _text("       - ", _written(item))
        case Mapping() if value:
            yield label.rstrip()
            for key, item in value.items():
                yield from _text(f"       - {visible(str(key))}: ", _written(item))
        case _:
            yield from _text(label, _written(value) or "none")


def _written(value: object) -> str:
    """Write a value that is no command as text."""
    match value:
        case bool():
            return "yes" if value else "no"
        case Enum():
            return str(value.value)
        case tuple():
            return " ".join(map(_written, value))
        case Mapping():
            return ", ".join(f"{key}: {_written(item)}" for key, item in value.items())
        case _ if is_dataclass(value) and not isinstance(value, type):
            return ", ".join(f"{field.name} {_written(getattr(value, field.name))}" for field in fields(value))
        case None:
            return ""
        case _:
            return str(value)


def _text(label: str, value: str) -> Iterator[str]:
    if len(value) > _LONG:
        data = value.encode()
        value = f"({len(data)} bytes, SHA-256 {sha256(data).hexdigest()})"
    yield from _labelled(label, value)


def _script(script: str) -> Iterator[str]:
    """Write a command line by line, each with its number, so that none can pass for a line of the plan."""
    for number, line in enumerate(script.split("\n"), start=1):
        first, *more = wrapped(line)
        yield f"     {number:>4} | {first}".rstrip()
        yield from (f"      ... | {rest}" for rest in more)


def _skipped(plan: Plan) -> Iterator[str]:
    for step in plan.skipped:
        yield from _labelled(f"  {visible(step.key)}: ", step.why or "not needed")


def _basis(plan: Plan) -> Iterator[str]:
    for name, value in sorted(plan.basis.facts.items()):
        yield from _text(f"  {visible(name)}: ", value)


def _encoded(canonical: str) -> Iterator[str]:
    encoded = base64.b64encode(canonical.encode()).decode("ascii")
    yield from (encoded[start : start + _ENCODED_WIDTH] for start in range(0, len(encoded), _ENCODED_WIDTH))
