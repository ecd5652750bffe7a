"""What is wrong with a checkout, as problems."""

from __future__ import annotations

from bot.domain.errors import Problem, Reason, problem
from bot.domain.targets.look import HostFacts


def dirty_problem(facts: HostFacts) -> Problem:
    """Give the problem of a checkout with changed files; that only their permissions were is said.

    Args:
        facts: of the host; some of its files are changed.
    """
    modes = {"modes": "yes"} if set(facts.dirty) <= set(facts.mode_only) else {}
    return problem(Reason.CHECKOUT_DIRTY, host=facts.host, paths=", ".join(facts.dirty), **modes)
