"""The render context, and facts about a run that several messages show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from bot.domain.errors import Problem
from bot.domain.policies.people import CONSOLE, NOBODY, People
from bot.domain.policies.policy import Policy
from bot.domain.runs.acts import Dump, Prove
from bot.domain.runs.estimate import StepEstimate
from bot.domain.runs.findings import BackupMade, first_of
from bot.domain.runs.history import Head
from bot.domain.runs.plan import BOT, Phase
from bot.domain.runs.request import ChangeLayout, DropLeftover, OverdueBackup, RequestOptions, VerifyBackup
from bot.domain.runs.run import BEFORE_CHANGE, Run, RunState, StepRow, StepState, step_state
from bot.domain.secrets import Masker
from bot.domain.targets.forge import Repository
from bot.domain.targets.snapshot import TargetSnapshot
from bot.domain.targets.target import EmojiNames
from bot.slack.render import durations, markup
from bot.slack.render.markup import Markup
from bot.slack.render.text import Translator

_SCHEDULE = "schedule"
"""The user of requests that a schedule made."""

STATE_EMOJI = {
    RunState.QUEUED: "🕓",
    RunState.PLANNING: "🔎",
    RunState.AWAITING_APPROVAL: "✋",
    RunState.RUNNING: "⚙️",
    RunState.VERIFYING: "🩺",
    RunState.SUCCEEDED: "✅",
    RunState.FAILED: "❌",
    RunState.REJECTED: "⛔",
    RunState.EXPIRED: "⌛",
    RunState.CANCELLED: "🚫",
    RunState.NEEDS_HUMAN: "🆘",
}

STEP_EMOJI = {
    StepState.PENDING: "⚪",
    StepState.RUNNING: "⏳",
    StepState.DONE: "✅",
    StepState.FAILED: "❌",
    StepState.SKIPPED: "➖",
    StepState.UNKNOWN: "❓",
}


@dataclass(frozen=True)
class RenderContext:
    """What rendering needs besides the snapshot; only values.

    Args:
        translator: of the configured language.
        masker: masks secrets in everything that leaves the program.
        emoji: those that count as approval and rejection.
        now: for elapsed times.
        names: of people, by Slack's ID; a missing person is shown by the ID.
        estimates: usual durations of steps, by key.
        alert: the people to mention when a schedule's run did not end well.
        absent: those who may approve and are not in the channel of the run, where no mention reaches them.
        anchor: the record of the run's result, for the metadata of its result message; None while there is none.
        next_environments: into which a commit may go once it is verified where the run was.
        translators: of people who see something alone; those who are missing read the configured language.
        deciders: who may decide about the run, if it needs a decision.
        policy: of the run's target, by which people may press its buttons; None where there is no such target.
        repository: at a forge; None where none is named.
        snapshot: the last look at the run's target; None where there was none since the start.
        on_call: whom the policy names by `decide`; nobody where it names none.
    """

    translator: Translator
    masker: Masker
    emoji: EmojiNames
    now: datetime
    names: Mapping[str, str] = field(default_factory=dict)
    estimates: Mapping[str, StepEstimate] = field(default_factory=dict)
    alert: People = NOBODY
    absent: frozenset[str] = frozenset()
    anchor: Head | None = None
    next_environments: tuple[str, ...] = ()
    translators: Mapping[str, Translator] = field(default_factory=dict)
    deciders: People = NOBODY
    policy: Policy | None = None
    snapshot: TargetSnapshot | None = None
    repository: Repository | None = None
    on_call: People = NOBODY

    def with_names(self, problem: Problem) -> Problem:
        """Return a problem with people's names instead of Slack's IDs, so that a card notifies nobody."""
        facts = dict(problem.facts)
        for fact in ("by", "closed_by"):
            if facts.get(fact):
                facts[fact] = ", ".join(self._called(user) for user in facts[fact].split(", "))
        return Problem(problem.reason, facts)

    def problem_text(self, problem: Problem | None) -> Markup:
        """Render a problem; empty where there is none."""
        return self.translator.problem_text(self.with_names(problem)) if problem else Markup("")

    def personal(self, user: str) -> Translator:
        """Return the translator of what one person sees alone."""
        return self.translators.get(user, self.translator)

    def name(self, user: str) -> Markup:
        """Name a person, or the schedule, without notifying anybody."""
        return markup.inline(self._called(user))

    def _called(self, user: str) -> str:
        where, _, name = user.partition(":")
        if user == _SCHEDULE:
            return self.translator.plain("card.schedule")
        if where == CONSOLE:
            return self.translator.plain("who.console", name=name)
        return self.names.get(user, user)


def target_name(run: Run) -> Markup:
    """Name the app and the environment."""
    return markup.inline(str(run.request.target))


_ACTION_KEYS: dict[type[RequestOptions], str] = {
    ChangeLayout: "action.layout",
    VerifyBackup: "action.verify",
    DropLeftover: "action.drop-old",
    OverdueBackup: "action.overdue",
}
"""Kinds of requests that are not named after their action."""


def action_name(run: Run, ctx: RenderContext) -> Markup:
    """Name the action of a run."""
    key = _ACTION_KEYS.get(type(run.request.options), f"action.{run.request.action.value}")
    return ctx.translator.translate(key)


def is_dry_run(run: Run) -> bool:
    """Return whether only a plan was requested."""
    return run.request.dry_run


def exception_line(run: Run, ctx: RenderContext) -> Markup:
    """Render the exception that was requested, with its reason; empty where none was."""
    if why := run.request.emergency:
        return ctx.translator.translate("card.emergency", why=ctx.masker.mask(why))
    if why := run.request.during_freeze:
        return ctx.translator.translate("card.during_freeze", why=ctx.masker.mask(why))
    return Markup("")


def start_line(run: Run, ctx: RenderContext) -> Markup:
    """Render when a run is to begin that was asked for at a time; empty for others, and once it has begun or ended."""
    start = run.request.start
    if start is None or run.change_started_at is not None or run.ended:
        return Markup("")
    when = {"at": ctx.translator.moment(start.at), "until": ctx.translator.moment(start.until)}
    return ctx.translator.translate("card.starts", shown=start.shown, **when)


def state_words(run: Run, ctx: RenderContext) -> Markup:
    """Render the state of a run in a few words."""
    if run.state is RunState.SUCCEEDED and run.nothing_to_do:
        return ctx.translator.translate("state.nothing_to_do")
    if run.state is RunState.SUCCEEDED and is_dry_run(run) and run.change_started_at is None:
        return ctx.translator.translate("state.dry_run")
    if run.cancelled_by and not run.ended and run.state is not RunState.NEEDS_HUMAN:
        return ctx.translator.translate("state.cancelling")
    if superseded_by(run):
        return ctx.translator.translate("state.superseded")
    if run.waits_for_time:
        return ctx.translator.translate("state.waits_for_time")
    return ctx.translator.translate(f"state.{run.state.value}")


def superseded_by(run: Run) -> str:
    """Return the ID of the run that goes on from where a stopped one was closed; empty where none does."""
    if run.state is not RunState.CANCELLED or run.problem is None:
        return ""
    return run.problem.facts.get("successor", "")


@dataclass(frozen=True)
class StepView:
    """One step as it is shown: its rows at all places, summed up.

    Args:
        number: 1 for the first.
        key: of the step.
        title: of the step.
        phase: of the step.
        state: the worst of all places.
        rows: one for each place.
    """

    number: int
    key: str
    title: str
    phase: Phase
    state: StepState
    rows: tuple[StepRow, ...]

    @property
    def seconds(self) -> float | None:
        """Its duration; None while it has not ended."""
        started = [row.started_at for row in self.rows if row.started_at]
        ended = [row.ended_at for row in self.rows if row.ended_at]
        if not started or not ended or self.state in (StepState.PENDING, StepState.RUNNING):
            return None
        return durations.between(min(started), max(ended))

    @property
    def places(self) -> tuple[str, ...]:
        """The hosts on which it runs."""
        return tuple(row.place for row in self.rows if row.place != BOT)

    def elapsed(self, now: datetime) -> float:
        """Return the seconds since it began; 0 where it has not."""
        started = [row.started_at for row in self.rows if row.started_at]
        return durations.between(min(started), now) if started else 0.0


def step_views(run: Run) -> tuple[StepView, ...]:
    """Return the steps of a run in order."""
    views = []
    for number, key in enumerate(run.step_order, start=1):
        rows = run.rows(key)
        views.append(StepView(number, key, rows[0].title, rows[0].phase, step_state(rows), rows))
    return tuple(views)


def current_step(steps: tuple[StepView, ...]) -> StepView | None:
    """Return the step that runs, if one does."""
    return next((step for step in steps if step.state is StepState.RUNNING), None)


def troubled_step(steps: tuple[StepView, ...]) -> StepView | None:
    """Return the step that failed or whose outcome is unknown, if there is one."""
    return next((step for step in steps if step.state in (StepState.FAILED, StepState.UNKNOWN)), None)


def places(names: tuple[str, ...]) -> Markup:
    """Name hosts, three at most."""
    few = ", ".join(names[:3])
    return markup.inline(f"{few} +{len(names) - 3}" if len(names) > 3 else few)


# ── the rest ────────────────────────────────────────────────────────────────────────────────────────


def backup_finding(run: Run) -> BackupMade | None:
    """Return the finding about the run's verified backup."""
    if run.plan is None:
        return None
    return first_of(BackupMade, run.plan.findings)


def backup_id(run: Run) -> str | None:
    """Return the ID of the backup that the run made; None where it made no verified one."""
    if run.plan is None or run.plan.backup is None:
        return None
    made = any(
        isinstance(step.act, Dump | Prove)
        and step.act.backup == run.plan.backup
        and rows
        and step_state(rows) is StepState.DONE
        for step in run.plan.steps
        for rows in [run.rows(step.key)]
    )
    return run.plan.backup if made or backup_finding(run) is not None else None


def work_seconds(run: Run, now: datetime) -> float:
    """Return how long the work took in seconds, from the first change, or from the request without one."""
    ended = run.ended_at or max((row.ended_at for row in run.steps if row.ended_at), default=None)
    return durations.between(run.change_started_at or run.created_at, ended or now)


def changed_anything(run: Run) -> bool:
    """Return whether a step that can change production was started."""
    return run.changed_anything


def is_before_change(run: Run) -> bool:
    """Return whether the run is in a state before the change."""
    return run.state in BEFORE_CHANGE
