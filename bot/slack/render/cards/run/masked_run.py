"""Masking secrets in a snapshot before it is rendered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from typing import Any

from bot.domain.errors import Problem
from bot.domain.runs.findings import Finding, UnknownFinding
from bot.domain.runs.plan import Plan
from bot.domain.runs.run import Run, StepRow
from bot.domain.runs.stored_facts import names_of
from bot.domain.secrets import Masker


def masked_run(run: Run, masker: Masker) -> Run:
    """Return the run with secrets masked in what hosts, databases, git and people supplied.

    Names of apps, environments, hosts and steps are not masked: they come from the operations file, and a weak
    password that equals one of them must not mask every card.
    """
    return replace(
        run,
        plan=_plan(run.plan, masker) if run.plan else None,
        steps=tuple(_row(row, masker) for row in run.steps),
        problem=_problem(run.problem, masker),
        facts=_facts(run.facts, masker),
    )


def masked_finding(found: Finding, masker: Masker) -> Finding:
    """Return a finding with secrets masked in all of its texts."""
    if isinstance(found, UnknownFinding):
        return UnknownFinding(masker.mask(found.kind), _facts(found.facts, masker))
    texts = {name: _masked(getattr(found, name), masker) for name in names_of(type(found))}
    more = tuple((name, masker.mask(text)) for name, text in found.unknown_facts)
    return replace(found, **texts, unknown_facts=more)


def _masked(value: Any, masker: Masker) -> Any:
    if isinstance(value, Enum):
        return value
    if isinstance(value, str):
        return masker.mask(value)
    if isinstance(value, tuple):
        return _several(value, masker)
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{each.name: _masked(getattr(value, each.name), masker) for each in fields(value)})
    return value


def _several(values: tuple[Any, ...], masker: Masker) -> tuple[Any, ...]:
    """Mask lines together, as a secret may reach from one to the next."""
    if values and all(isinstance(each, str) and not isinstance(each, Enum) for each in values):
        return tuple(masker.mask("\n".join(values)).split("\n"))
    return tuple(_masked(each, masker) for each in values)


def _plan(plan: Plan, masker: Masker) -> Plan:
    return replace(
        plan,
        commits=tuple(
            replace(commit, author=masker.mask(commit.author), subject=masker.mask(commit.subject))
            for commit in plan.commits
        ),
        findings=tuple(masked_finding(finding, masker) for finding in plan.findings),
    )


def _row(row: StepRow, masker: Masker) -> StepRow:
    return replace(
        row,
        tail=masker.mask(row.tail),
        problem=_problem(row.problem, masker),
        facts=_facts(row.facts, masker),
    )


def _problem(problem: Problem | None, masker: Masker) -> Problem | None:
    return Problem(problem.reason, _facts(problem.facts, masker)) if problem else None


def _facts(facts: Mapping[str, str], masker: Masker) -> dict[str, str]:
    return {name: masker.mask(value) for name, value in facts.items()}
