"""The state of one target, in lines that the App Home and `/ops status` share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from bot.domain.backups.backup import Proof
from bot.domain.errors import Problem
from bot.domain.policies.freeze import ActiveFreeze
from bot.domain.runs.estimate import StepEstimate
from bot.domain.runs.reminders import is_overdue
from bot.domain.runs.run import Run, RunState
from bot.domain.targets.dashboard import Dashboard
from bot.domain.targets.outage import Outage, outage_of
from bot.domain.targets.overview import TargetOverview
from bot.domain.targets.snapshot import TargetSnapshot, TargetState
from bot.slack.render import markup
from bot.slack.render.cards.approval.people import approvers
from bot.slack.render.cards.run.cause import cause
from bot.slack.render.cards.run.step_line import step_line
from bot.slack.render.cards.run.translated_run import translated_run
from bot.slack.render.context import STATE_EMOJI, RenderContext, action_name, state_words, target_name
from bot.slack.render.markup import Markup
from bot.slack.render.message import join_dots

URGENT_FIRST = (
    RunState.NEEDS_HUMAN,
    RunState.AWAITING_APPROVAL,
    RunState.RUNNING,
    RunState.VERIFYING,
    RunState.PLANNING,
    RunState.QUEUED,
)
"""States of runs that have not ended, the most urgent first."""

OWED, LOCK, FREEZE, DOWN, DOUBT, FINE = "🚨", "🔒", "❄️", "🚧", "❓", "🟢"
_MAX_REASON = 120
_SHORT = 7


@dataclass(frozen=True)
class DashboardEntry:
    """One target of a dashboard.

    Args:
        overview: what the store knows of it.
        snapshot: its last snapshot; None where there is none.
        freeze: the freeze that is on it now.
        usual: usual durations of steps, by run and step key.
    """

    overview: TargetOverview
    snapshot: TargetSnapshot | None = None
    freeze: ActiveFreeze | None = None
    usual: Mapping[str, Mapping[str, StepEstimate]] = field(default_factory=dict)

    @property
    def outage(self) -> Outage | None:
        """The site's outage; None where it is up, as far as is known."""
        return outage_of(self.overview, self.snapshot)

    @property
    def seen(self) -> TargetState | None:
        """The state in its snapshot; None where a run has changed it since."""
        if self.snapshot is None or not self.snapshot.holds(self.overview):
            return None
        return self.snapshot.seen

    @property
    def urgency(self) -> int:
        """Its sort key among others: lower is more urgent."""
        if self.is_down:
            return -1
        states = [URGENT_FIRST.index(run.state) for run in self.overview.unfinished]
        if self.overview.owed:
            states.append(URGENT_FIRST.index(RunState.AWAITING_APPROVAL))
        if states:
            return min(states)
        quiet = len(URGENT_FIRST)
        if self.is_odd:
            return quiet
        return quiet + 1 if self.overview.lock is not None else quiet + 2

    @property
    def is_down(self) -> bool:
        """Whether its site is down, and no run is about to bring it up."""
        return self.outage is not None and not self.outage.is_moving

    @property
    def is_odd(self) -> bool:
        """Whether something is wrong although no run goes on."""
        seen = self.seen
        in_maintenance = seen is not None and bool(seen.maintenance or seen.pending or len(seen.heads) > 1)
        unread = self.snapshot is not None and self.snapshot.problem is not None
        return in_maintenance or unread or self.overview.in_doubt is not None

    @property
    def needs_a_look(self) -> bool:
        """Whether it is shown in more than a line."""
        return bool(self.overview.unfinished or self.overview.owed or self.overview.lock) or self.is_odd or self.is_down

    @property
    def emoji(self) -> str:
        """The emoji that sums it up."""
        if self.is_down:
            return DOWN
        if self.overview.unfinished:
            first = min(self.overview.unfinished, key=lambda run: URGENT_FIRST.index(run.state))
            return STATE_EMOJI[first.state]
        if self.overview.owed:
            return OWED
        if self.is_odd:
            return DOUBT
        if self.overview.lock is not None:
            return LOCK
        return FREEZE if self.freeze is not None else FINE


def dashboard_entries(dashboard: Dashboard) -> tuple[DashboardEntry, ...]:
    """Return the targets of a dashboard, the most urgent first."""
    entries = [
        DashboardEntry(
            overview,
            dashboard.snapshots.get(overview.target),
            dashboard.freezes.get(overview.target),
            dashboard.usual,
        )
        for overview in dashboard.overviews
    ]
    return tuple(sorted(entries, key=lambda entry: (entry.urgency, entry.overview.target)))


def person(user: str) -> Markup:
    """Mention a person, in messages to one person alone, where it notifies nobody; a schedule is named."""
    return markup.user(user) if user[:1] in ("U", "W") else markup.inline(user)


def live_line(entry: DashboardEntry, ctx: RenderContext) -> Markup:
    """Render which commit is live, since when, and who deployed it."""
    translate, overview, seen = ctx.translator.translate, entry.overview, entry.seen
    if seen is not None and len(seen.heads) > 1:
        return translate("live.differ", found=Markup(", ".join(markup.code(head[:_SHORT]) for head in seen.heads)))
    release = overview.release
    if seen is not None and seen.heads and seen.heads[0] != overview.live:
        by_others = overview.in_doubt is None and release is not None
        return translate("live.by_others" if by_others else "live.seen", sha=seen.heads[0][:_SHORT])
    if overview.in_doubt is not None:
        goes_on = overview.in_doubt.state in (RunState.RUNNING, RunState.VERIFYING)
        return translate("live.changing" if goes_on else "ops.live.doubt", run=overview.in_doubt.id)
    if not overview.live or release is None or release.ended_at is None:
        return translate("ops.live.none")
    when = ctx.translator.moment(release.ended_at)
    return translate("live", sha=overview.live[:_SHORT], when=when, who=person(release.request.origin.user))


def snapshot_line(entry: DashboardEntry, ctx: RenderContext) -> Markup:
    """Render the snapshot: migrations, maintenance, its time; or why there is none."""
    translate, snapshot, seen = ctx.translator.translate, entry.snapshot, entry.seen
    if snapshot is not None and snapshot.problem is not None:
        wrong = ctx.problem_text(_masked(snapshot.problem, ctx))
        return translate("seen.not", when=ctx.translator.moment(snapshot.at), wrong=wrong)
    if snapshot is None or seen is None:
        return translate("seen.never") if not entry.overview.unfinished else Markup("")
    when = translate("seen.at", when=ctx.translator.moment(snapshot.at))
    return join_dots((_migrations(seen, ctx), _maintenance(seen, ctx), when))


def anomaly_line(entry: DashboardEntry, ctx: RenderContext) -> Markup:
    """Render the snapshot where something is wrong in it; empty otherwise."""
    return snapshot_line(entry, ctx) if entry.is_odd and entry.overview.in_doubt is None else Markup("")


def _migrations(seen: TargetState, ctx: RenderContext) -> Markup:
    count = ctx.translator.count
    if seen.pending:
        return count("seen.pending", len(seen.pending))
    if seen.waiting:
        return count("seen.waiting", len(seen.waiting))
    return ctx.translator.translate("seen.none_pending") if seen.pending is not None else Markup("")


def _maintenance(seen: TargetState, ctx: RenderContext) -> Markup:
    if seen.maintenance:
        return ctx.translator.translate("seen.down", hosts=", ".join(seen.maintenance))
    return Markup("") if seen.unclear else ctx.translator.translate("seen.up")


def _masked(problem: Problem, ctx: RenderContext) -> Problem:
    return Problem(problem.reason, {name: ctx.masker.mask(value) for name, value in problem.facts.items()})


def backup_line(entry: DashboardEntry, ctx: RenderContext) -> Markup:
    """Render the last proven or checked backup, with its time."""
    backup = entry.overview.backup
    if backup is None:
        return ctx.translator.translate("kept.none")
    key = "kept.proven" if backup.proof is Proof.PROVEN else "kept.checked"
    return ctx.translator.translate(key, id=backup.backup, when=ctx.translator.moment(backup.at))


def lock_line(entry: DashboardEntry, ctx: RenderContext) -> Markup:
    """Render the lock with owner, time and reason; empty where there is none."""
    lock = entry.overview.lock
    if lock is None:
        return Markup("")
    why = markup.clip(ctx.masker.mask(lock.reason), _MAX_REASON)
    return ctx.translator.translate(
        "ops.lock", who=person(lock.owner), since=ctx.translator.moment(lock.since), why=why
    )


def owed_line(run: Run, ctx: RenderContext) -> Markup:
    """Render that an emergency still needs approval, of whom and until when."""
    gate = run.gate
    if gate is None:
        return Markup("")
    return ctx.translator.translate(
        "ops.overdue" if is_overdue(gate, ctx.now) else "ops.owed",
        run=run.id,
        action=action_name(run, ctx),
        who=person(run.request.origin.user),
        until=ctx.translator.moment(gate.expires_at),
        people=approvers(gate.requirement.people, ctx),
        why=markup.clip(ctx.masker.mask(run.request.emergency or ""), _MAX_REASON),
    )


def freeze_line(entry: DashboardEntry, ctx: RenderContext) -> Markup:
    """Render the freeze with its end and reason; empty where there is none."""
    if entry.freeze is None:
        return Markup("")
    frozen = entry.freeze
    until, why = ctx.translator.moment(frozen.until), markup.clip(frozen.reason, _MAX_REASON)
    return ctx.translator.translate("freeze", until=until, why=why)


def last_run_line(overview: TargetOverview, ctx: RenderContext) -> Markup:
    """Render the run that ended last; empty where the first one goes on."""
    last = overview.last
    if last is None or last.ended_at is None:
        return Markup("") if overview.unfinished else ctx.translator.translate("ops.last.none")
    return ctx.translator.translate(
        "ops.last",
        emoji=STATE_EMOJI[last.state],
        action=action_name(last, ctx),
        state=state_words(last, ctx),
        run=last.id,
        when=ctx.translator.moment(last.ended_at),
    )


def run_line(run: Run, entry: DashboardEntry, ctx: RenderContext) -> Markup:
    """Render a run that goes on or waits, in a line."""
    shown = translated_run(run, ctx)
    return ctx.translator.translate(
        "ops.run",
        emoji=STATE_EMOJI[run.state],
        run=run.id,
        action=action_name(shown, ctx),
        state=state_words(shown, ctx),
        news=run_status(shown, entry.usual.get(run.id, {}), ctx),
        who=person(run.request.origin.user),
    )


def run_status(run: Run, usual: Mapping[str, StepEstimate], ctx: RenderContext) -> Markup:
    """Render what a run that has not ended does or waits for.

    Args:
        run: its snapshot, with secrets masked.
        usual: usual durations of its steps, by key.
        ctx: the render context.
    """
    match run.state:
        case RunState.QUEUED if run.waits_for_time and run.request.start is not None:
            return ctx.translator.translate("ops.starts", at=ctx.translator.moment(run.request.start.at))
        case RunState.QUEUED:
            return ctx.translator.count("card.queue", run.place_in_queue or 1, target=target_name(run))
        case RunState.AWAITING_APPROVAL if run.gate is not None:
            return ctx.translator.translate("ops.until", until=ctx.translator.moment(run.gate.expires_at))
        case RunState.NEEDS_HUMAN:
            return cause(run, ctx)
        case _:
            return step_line(run, replace(ctx, estimates=usual))
