"""Values of the domain as rows, and rows as values of the domain."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any
from weakref import WeakValueDictionary

from sqlalchemy.engine import RowMapping

from bot.domain.errors import Problem
from bot.domain.inbox import MessageState, Posted
from bot.domain.runs.history import Entry, Record
from bot.domain.runs.plan import Phase, Plan, Risk
from bot.domain.runs.plan_json import CODEC, plan_from_json, plan_to_json
from bot.domain.runs.request_json import request_from_json
from bot.domain.runs.run import Gate, Run, RunState, StepRow, StepState, Vote
from bot.domain.runs.watching import Watching
from bot.domain.signatures.signature import Signature
from bot.store.sql.timestamps import from_micros, optional_instant, optional_micros, to_micros

Row = RowMapping


def json_text(value: object) -> str:
    """Write plain data as JSON text."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def texts(text: str) -> dict[str, str]:
    """Read JSON text that is a mapping of texts."""
    return {str(key): str(value) for key, value in json.loads(text).items()}


def plan_text(plan: Plan) -> str:
    """Write a plan."""
    return json_text(plan_to_json(plan))


_plans_in_use: WeakValueDictionary[str, Plan] = WeakValueDictionary()


def _plan(text: str) -> Plan:
    """Read a plan. It is read with its run again and again, and never changes: it is parsed once while it is in use."""
    plan = _plans_in_use.get(text)
    if plan is None:
        plan = _plans_in_use[text] = _parsed_plan(text)
    return plan


@lru_cache(maxsize=8)
def _parsed_plan(text: str) -> Plan:
    return plan_from_json(json.loads(text))


def problem_text(problem: Problem | None) -> str | None:
    """Write a problem, where there is one."""
    return None if problem is None else json_text(CODEC.to_json(problem))


def _problem(text: str | None) -> Problem | None:
    return None if text is None else CODEC.from_json(Problem, json.loads(text))


def gate_text(gate: Gate) -> str:
    """Write a gate."""
    return json_text(CODEC.to_json(gate))


def gate_from_text(text: str | None) -> Gate | None:
    """Read a gate, where there is one."""
    return None if text is None else CODEC.from_json(Gate, json.loads(text))


def watching_text(watching: Watching) -> str:
    """Write a watch."""
    return json_text(CODEC.to_json(watching))


def _watching(text: str | None) -> Watching | None:
    return None if text is None else CODEC.from_json(Watching, json.loads(text))


def run_from_row(
    row: Row,
    steps: tuple[StepRow, ...],
    votes: tuple[Vote, ...],
    place_in_queue: int,
    signatures: tuple[Signature, ...] = (),
) -> Run:
    """Read a run from its row of `runs` and what the other tables hold of it."""
    return Run(
        id=row["id"],
        sequence=row["sequence"],
        request=request_from_json(json.loads(row["request"])),
        state=RunState(row["state"]),
        revision=row["revision"],
        created_at=from_micros(row["created_at"]),
        plan=None if row["plan"] is None else _plan(row["plan"]),
        gate=gate_from_text(row["gate"]),
        steps=steps,
        votes=votes,
        signatures=signatures,
        place_in_queue=place_in_queue,
        waited=bool(row["waited"]),
        change_started_at=optional_instant(row["change_started_at"]),
        ended_at=optional_instant(row["ended_at"]),
        problem=_problem(row["problem"]),
        cancelled_by=row["cancelled_by"],
        nothing_to_do=bool(row["nothing_to_do"]),
        facts=texts(row["facts"]),
        watching=_watching(row["watching"]),
    )


def step_values(step: StepRow) -> dict[str, Any]:
    """Write what a step's row says, without what names the row."""
    return {
        "position": step.position,
        "title": step.title,
        "phase": step.phase.value,
        "risk": step.risk.value,
        "state": step.state.value,
        "begun": int(step.begun),
        "started_at": optional_micros(step.started_at),
        "ended_at": optional_micros(step.ended_at),
        "exit_status": step.exit_status,
        "problem": problem_text(step.problem),
        "taken_bytes": step.offset,
        "tail": step.tail,
        "facts": json_text(step.facts),
    }


def step_from_row(row: Row) -> StepRow:
    """Read a row of `steps`."""
    return StepRow(
        position=row["position"],
        key=row["step"],
        title=row["title"],
        phase=Phase(row["phase"]),
        risk=Risk(row["risk"]),
        place=row["place"],
        attempt=row["attempt"],
        state=StepState(row["state"]),
        begun=bool(row["begun"]),
        started_at=optional_instant(row["started_at"]),
        ended_at=optional_instant(row["ended_at"]),
        exit_status=row["exit_status"],
        problem=_problem(row["problem"]),
        offset=row["taken_bytes"],
        tail=row["tail"],
        facts=texts(row["facts"]),
    )


def vote_values(run: str, position: int, vote: Vote) -> dict[str, Any]:
    """Write a vote as a row of `votes`."""
    return {
        "run": run,
        "position": position,
        "user": vote.user,
        "digest": vote.digest,
        "choice": vote.choice,
        "counts": int(vote.counts),
        "reason": vote.reason,
        "at": to_micros(vote.at),
    }


def vote_from_row(row: Row) -> Vote:
    """Read a row of `votes`."""
    return Vote(row["user"], row["digest"], row["choice"], bool(row["counts"]), row["reason"], from_micros(row["at"]))


def signature_values(run: str, signature: Signature) -> dict[str, Any]:
    """Write a signature as a row of `signatures`."""
    return {
        "run": run,
        "sha256": signature.sha256,
        "user": signature.user,
        "digest": signature.digest,
        "armour": signature.armour,
        "public_key": signature.key,
        "text_sha256": signature.text_sha256,
        "at": to_micros(signature.at),
    }


def signature_from_row(row: Row) -> Signature:
    """Read a row of `signatures`."""
    return Signature(
        user=row["user"],
        digest=row["digest"],
        armour=row["armour"],
        sha256=row["sha256"],
        key=row["public_key"],
        text_sha256=row["text_sha256"],
        at=from_micros(row["at"]),
    )


def posted_from_row(row: Row) -> Posted:
    """Read a row of `messages`."""
    return Posted(row["run"], row["slot"], row["channel"], row["ts"], row["fingerprint"], MessageState(row["state"]))


def record_from_row(row: Row) -> Record:
    """Read a row of `history`."""
    entry = Entry(row["run"], row["event"], row["actor"], _recorded_facts(row["facts"]))
    return Record(row["sequence"], row["at"], entry, row["before"], row["hash"])


def _recorded_facts(text: str) -> dict[str, str]:
    """Read the facts of a record; what was overwritten by no JSON object is kept, and does not fit the hash."""
    try:
        return texts(text)
    except (ValueError, AttributeError):
        return {"": text}


def record_values(record: Record) -> dict[str, Any]:
    """Write a record as a row of `history`."""
    return {
        "sequence": record.sequence,
        "at": record.at,
        "run": record.entry.run,
        "event": record.entry.event,
        "actor": record.entry.actor,
        "facts": json_text(dict(record.entry.facts)),
        "before": record.before,
        "hash": record.hash,
    }
