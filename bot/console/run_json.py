"""Runs as JSON, for scripts. What stands here stays; keys may be added.

A time is RFC 3339 in UTC, or null. A duration is in seconds. A problem is `{"reason": CODE, "facts": {NAME: TEXT}}`,
or null.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from bot.console.run_output import StepOutput
from bot.domain.errors import Problem
from bot.domain.runs.findings import finding_to_json
from bot.domain.runs.history import Record
from bot.domain.runs.plan import Plan, Step
from bot.domain.runs.plan_json import CODEC, plan_digest
from bot.domain.runs.request_json import options_to_json
from bot.domain.runs.run import Gate, Run, StepRow, step_state


def summary(run: Run) -> dict[str, Any]:
    """Give one run as `runs list --json` lists it.

    Returns:
        `run`, `state`, `command`, `app`, `environment`, `requested_by`, `typed`, `created_at`, `change_started_at`,
        `ended_at`, `seconds` (from creation to end, null while it goes), `problem`.
    """
    return {
        "run": run.id,
        "state": run.state.value,
        "command": run.request.action.value,
        "app": run.request.target.app,
        "environment": run.request.target.environment,
        "requested_by": run.request.origin.user,
        "typed": run.request.typed,
        "created_at": time(run.created_at),
        "change_started_at": time(run.change_started_at),
        "ended_at": time(run.ended_at),
        "seconds": seconds(run.created_at, run.ended_at),
        "problem": _problem(run.problem),
    }


def whole(run: Run, history: tuple[Record, ...]) -> dict[str, Any]:
    """Give one run as `runs show --json` shows it.

    Args:
        run: the run.
        history: its records, in order.

    Returns:
        What `summary` gives, and `channel`, `options`, `place_in_queue`, `cancelled_by`, `nothing_to_do`, `facts`,
        `plan` (null until there is one), `gate` (null until there is one), `votes`, `steps`, `history`.
    """
    return {
        **summary(run),
        "channel": run.request.origin.channel,
        "options": options_to_json(run.request.options),
        "place_in_queue": run.place_in_queue,
        "cancelled_by": run.cancelled_by or None,
        "nothing_to_do": run.nothing_to_do,
        "facts": dict(run.facts),
        "plan": _plan(run.plan) if run.plan is not None else None,
        "gate": _gate(run.gate) if run.gate is not None else None,
        "votes": [
            {
                "user": vote.user,
                "choice": vote.choice,
                "counts": vote.counts,
                "reason": vote.reason or None,
                "at": time(vote.at),
            }
            for vote in run.votes
        ],
        "steps": [_step(run.rows(key)) for key in run.step_order],
        "history": [
            {
                "sequence": record.sequence,
                "at": record.at,
                "event": record.entry.event,
                "actor": record.entry.actor,
                "facts": dict(record.entry.facts),
                "hash": record.hash,
            }
            for record in history
        ],
    }


def output(found: tuple[StepOutput, ...]) -> list[dict[str, Any]]:
    """Give the kept output of a run as `runs log --json` gives it.

    Returns:
        For each step, place and attempt: `step`, `title`, `place`, `attempt`, `state`, `bytes` (of the whole output),
        `missing` (bytes of it that are only in the log on the host), `text`.
    """
    return [
        {
            "step": one.key,
            "title": one.title,
            "place": one.place,
            "attempt": one.attempt,
            "state": one.state,
            "bytes": one.size,
            "missing": one.missing,
            "text": one.text,
        }
        for one in found
    ]


def time(instant: datetime | None) -> str | None:
    """Write an instant: RFC 3339 in UTC."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z") if instant is not None else None


def seconds(start: datetime | None, end: datetime | None) -> float | None:
    """Give how long it took, in seconds; None where it has not begun or not ended."""
    return round((end - start).total_seconds(), 3) if start is not None and end is not None else None


def _problem(found: Problem | None) -> dict[str, object] | None:
    return CODEC.to_json(found) if found is not None else None


def _plan(plan: Plan) -> dict[str, Any]:
    return {
        "digest": plan_digest(plan),
        "sha": str(plan.sha) if plan.sha is not None else None,
        "commits": [{"sha": each.sha, "author": each.author, "subject": each.subject} for each in plan.commits],
        "commit_count": plan.commit_count,
        "pending": list(plan.pending),
        "destructive": plan.destructive,
        "basis": dict(plan.basis.facts),
        "steps": [_planned(step) for step in plan.steps],
        "skipped": [{"key": each.key, "title": each.title, "why": each.why} for each in plan.skipped],
        "findings": [finding_to_json(each) for each in plan.findings],
    }


def _planned(step: Step) -> dict[str, Any]:
    return {
        "key": step.key,
        "title": step.title,
        "phase": step.phase.value,
        "risk": step.risk.value,
        "places": list(step.places),
        "timeout": step.timeout,
    }


def _gate(gate: Gate) -> dict[str, Any]:
    return {
        "state": gate.state.value,
        "plan": gate.digest,
        "needed": gate.requirement.needed,
        "from": list(gate.requirement.people.names),
        "self": gate.requirement.allow_requester,
        "opened_at": time(gate.opened_at),
        "expires_at": time(gate.expires_at),
        "afterwards": gate.afterwards,
        "reminded_at": time(gate.reminded_at),
    }


def _step(rows: tuple[StepRow, ...]) -> dict[str, Any]:
    first = rows[0]
    return {
        "key": first.key,
        "title": first.title,
        "phase": first.phase.value,
        "risk": first.risk.value,
        "state": step_state(rows).value,
        "places": [
            {
                "place": row.place,
                "attempt": row.attempt,
                "state": row.state.value,
                "started_at": time(row.started_at),
                "ended_at": time(row.ended_at),
                "seconds": seconds(row.started_at, row.ended_at),
                "exit_status": row.exit_status,
                "problem": _problem(row.problem),
                "facts": row.results,
            }
            for row in rows
        ],
    }
