"""Masking secrets in a snapshot before it is rendered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from bot.domain.errors import Problem
from bot.domain.runs.plan import Finding, Plan
from bot.domain.runs.run import Run, StepRow
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


def _plan(plan: Plan, masker: Masker) -> Plan:
    return replace(
        plan,
        commits=tuple(
            replace(commit, author=masker.mask(commit.author), subject=masker.mask(commit.subject))
            for commit in plan.commits
        ),
        findings=tuple(Finding(finding.kind, _facts(finding.facts, masker)) for finding in plan.findings),
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
