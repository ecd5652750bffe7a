"""Plans, and what is stored beside them, as JSON; the digest of a plan is taken of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, get_args

from bot.domain.json_codec import Conversion, JsonCodec
from bot.domain.names import Sha
from bot.domain.runs.acts import ApprovedLoss
from bot.domain.runs.basis import Basis
from bot.domain.runs.findings import Finding, finding_from_json, finding_to_json
from bot.domain.runs.migration_source import MigrationSource
from bot.domain.runs.plan import Commit, Plan, Skipped, digest
from bot.domain.runs.request import Request
from bot.domain.runs.request_json import request_from_json, request_to_json
from bot.domain.shell import Command, Hidden, Part, Syntax, Word

FINDINGS = "findings"
"""The fact of a step of prepare that holds its findings, as text."""


def findings_to_text(findings: tuple[Finding, ...]) -> str:
    """Write findings as the fact `FINDINGS` of a step."""
    return json.dumps([finding_to_json(found) for found in findings], ensure_ascii=False)


def findings_of(facts: Mapping[str, str]) -> tuple[Finding, ...]:
    """Read the findings among the facts of a step; none where it has none.

    Raises:
        ValueError: the fact is not what `findings_to_text` wrote.
    """
    return tuple(finding_from_json(found) for found in json.loads(facts.get(FINDINGS, "[]")))


def plan_digest(plan: Plan) -> str:
    """Give the digest of a plan: 64 hexadecimal digits."""
    return digest(plan_to_json(plan))


def plan_to_json(plan: Plan) -> dict[str, Any]:
    """Write a plan as plain data.

    Raises:
        TypeError: a command has a hidden part; secrets are never stored in plans.
    """
    written: dict[str, Any] = CODEC.to_json(plan)
    return written


def plan_from_json(data: Mapping[str, Any]) -> Plan:
    """Read what `plan_to_json` wrote.

    Raises:
        KeyError: a value is missing.
        ValueError: a value is not of its kind.
    """
    return CODEC.from_json(Plan, data)


def command_to_json(command: Command) -> list[list[str]]:
    """Write a command as pairs of kind and text.

    Raises:
        TypeError: it has a hidden part.
    """
    return [_part_to_json(part) for part in command.parts]


def command_from_json(data: Sequence[Sequence[str]]) -> Command:
    """Read what `command_to_json` wrote.

    Raises:
        ValueError: a part is of no known kind.
    """
    return Command(tuple(_part_from_json(kind, text) for kind, text in data))


def _part_to_json(part: Part) -> list[str]:
    match part:
        case Word(text):
            return ["word", text]
        case Syntax(text):
            return ["syntax", text]
        case Hidden():
            raise TypeError("a command with a hidden part is not stored")


def _part_from_json(kind: str, text: str) -> Part:
    if kind == "word":
        return Word(text)
    if kind == "syntax":
        return Syntax(text)
    raise ValueError(f"no part of a command is a {kind!r}")


def _basis_from_json(data: Mapping[str, str]) -> Basis:
    return Basis({str(name): str(value) for name, value in data.items()})


CODEC = JsonCodec(
    {
        Command: Conversion(command_to_json, command_from_json),
        Request: Conversion(request_to_json, request_from_json),
        Sha: Conversion(str, Sha),
        Basis: Conversion(lambda basis: dict(basis.facts), _basis_from_json),
        **dict.fromkeys((Finding, *get_args(Finding)), Conversion(finding_to_json, finding_from_json)),
    },
    rows=frozenset({ApprovedLoss, Commit, MigrationSource, Skipped}),
    tag="act",
)
"""Writes and reads plans, requests, gates, requirements and problems."""
