"""Why a run stopped: the database's own words where a migration failed, else the problem."""

from __future__ import annotations

import re

from bot.domain.errors import Reason
from bot.domain.runs.aftermath import MigrationProgress, aftermath_of
from bot.domain.runs.current_migration import find_current_migration
from bot.domain.runs.decisions import stopped_step
from bot.domain.runs.run import Run
from bot.domain.tool_errors import database_words
from bot.slack.render import markup
from bot.slack.render.context import RenderContext
from bot.slack.render.markup import Markup
from bot.slack.render.text import PRESENT

_MAX_NAME, _MAX_WORDS = 90, 240
_SQLSTATE = re.compile(r"^SQLSTATE\[\w+\]: (?:[^:]{1,60}: )?(?=\d{4} )")
"""What PDO puts before the number and the words of the server's error."""

_STOPPED_IN = frozenset({MigrationProgress.PARTLY, MigrationProgress.UNKNOWN})


def cause(run: Run, ctx: RenderContext) -> Markup:
    """Render why a run stopped: the migration that failed with the database's error, else its problem."""
    stopped = stopped_step(run)
    tails = [row.tail for row in run.rows(stopped.key)] if stopped is not None and stopped.schema else []
    words = next((found for tail in tails if (found := database_words(tail))), "")
    # Of a statement that was ended because it waited, the server says only that it was ended.
    waited = run.problem is not None and run.problem.reason is Reason.BLOCKED_BY_SESSIONS
    if not words or waited:
        return ctx.problem_text(run.problem)
    return ctx.translator.translate(
        "cause",
        name=markup.clip(_migration(run, tails), _MAX_NAME),
        name_missing="" if _migration(run, tails) else PRESENT,
        step=stopped.title if stopped is not None else "",
        words=markup.clip(_SQLSTATE.sub("", words), _MAX_WORDS),
    )


def _migration(run: Run, tails: list[str]) -> str:
    """Name the migration that failed; empty where nothing tells."""
    fates = aftermath_of(run.facts) or ()
    known = next((fate.name for fate in fates if fate.progress in _STOPPED_IN), "")
    names = run.plan.migrations if run.plan is not None else ()
    running = (find_current_migration(names, tail) for tail in tails)
    return known or next((found.name for found in running if found is not None), "")
