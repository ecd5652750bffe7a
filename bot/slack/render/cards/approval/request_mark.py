"""What tells the messages of a later request to approve from those of the first one of a run."""

from __future__ import annotations

from bot.domain.runs.run import Run


def request_mark(run: Run) -> dict[str, str]:
    """Give the fact for a message's metadata; none for the first request.

    Args:
        run: whose messages.
    """
    earlier = len(run.gate.earlier) if run.gate is not None else 0
    return mark_of(earlier + 1)


def mark_of(number: int) -> dict[str, str]:
    """Give the fact of a request by its number, from 1."""
    return {"mark": str(number)} if number > 1 else {}
