"""Which consecutive steps need no word of the bot between them: stretches of a change, checks made at once. Pure."""

from __future__ import annotations

from itertools import takewhile

from bot.domain.runs.acts import Shell
from bot.domain.runs.journal_layout import STRETCH
from bot.domain.runs.plan import Phase, Plan, Risk, Step
from bot.domain.runs.run import Run, StepRow, StepState

LONGEST = 10
"""Steps in a stretch at most."""


def next_stretch(steps: tuple[Step, ...], run: Run) -> tuple[Step, ...]:
    """Return the steps of the change phase that may be given to their host together now.

    Args:
        steps: those that are left, in order; at least one. The bot has judged that the first may start.
        run: as it was last read.

    Returns:
        The first one and those that may follow it without a word of the bot. Where the first was begun, it alone.
    """
    first = steps[0]
    if not (_is_plain(first) and _is_untouched(run.rows_of(first))):
        return (first,)
    stretch = [first]
    for step in steps[1:LONGEST]:
        same = _is_plain(step) and step.hosts == first.hosts and _is_untouched(run.rows_of(step))
        if not same or _needs_the_gate(step, first, run):
            break
        stretch.append(step)
    return tuple(stretch)


def first_reads(plan: Plan) -> tuple[Step, ...]:
    """Return the commands that only read and stand before every other step of the change, and before any batch."""
    in_batches = plan.batches.steps if plan.batches is not None else ()

    def is_first(step: Step) -> bool:
        return isinstance(step.act, Shell) and step.risk is Risk.READS and step.key not in in_batches

    return tuple(takewhile(is_first, plan.of(Phase.CHANGE)))


def checks_at_once(steps: tuple[Step, ...]) -> tuple[tuple[Step, ...], ...]:
    """Group the steps of the verify phase: those of a group wait for none of each other, and for the group before.

    What the bot itself reads are consecutive steps of one group; each command is a group of its own, as it may stand
    on what is before it (a request that may leave an error, and the log that is read for errors).
    """
    groups: list[tuple[Step, ...]] = []
    for step in steps:
        if groups and not step.hosts and not groups[-1][-1].hosts:
            groups[-1] = (*groups[-1], step)
        else:
            groups.append((step,))
    return tuple(groups)


def open_stretch(run: Run) -> tuple[StepRow, ...]:
    """Return the rows of steps that a host was given with another one and that the bot has not heard of since."""
    given = {(key, head.place) for head in run.steps if STRETCH in head.facts for key in head.facts[STRETCH].split()}
    return tuple(row for row in run.steps if (row.key, row.place) in given and row.state is StepState.PENDING)


def _is_plain(step: Step) -> bool:
    """Whether a step is a command on one host that nothing is read for just before it, and that undoes nothing."""
    commands = isinstance(step.act, Shell) and len(step.hosts) == 1
    return commands and not step.schema and step.risk is not Risk.DESTROYS and step.undoes is None


def _is_untouched(rows: tuple[StepRow, ...]) -> bool:
    return len(rows) == 1 and rows[0].state is StepState.PENDING


def _needs_the_gate(step: Step, first: Step, run: Run) -> bool:
    """Whether the reactions are read again before a step, because nothing behind the gate has changed anything yet."""
    if step.risk is Risk.READS or first.risk is not Risk.READS:
        return False
    behind = (row for row in run.steps if row.phase is Phase.CHANGE and row.risk is not Risk.READS)
    return all(row.state is StepState.PENDING for row in behind)
