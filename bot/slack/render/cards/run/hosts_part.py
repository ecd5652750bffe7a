"""Which host has which release, where a run goes from batch to batch: a line for all that are alike."""

from __future__ import annotations

from collections.abc import Iterable

from bot.domain.runs.findings import LeftOut, first_of
from bot.domain.runs.plan import Phase, Plan
from bot.domain.runs.rollout_progress import (
    HostInRollout,
    HostProgress,
    batch_begins_at,
    batch_under_way,
    hosts_in_rollout,
)
from bot.domain.runs.run import Run, RunState, StepState
from bot.slack.render import markup
from bot.slack.render.context import STEP_EMOJI, RenderContext, places
from bot.slack.render.markup import Markup
from bot.slack.render.message import join_lines
from bot.slack.render.text import PRESENT

_MAX_STOPPED = 5


def hosts_part(run: Run, ctx: RenderContext) -> Markup:
    """Render which hosts have which release, and where the run stopped; empty for a run without batches."""
    plan, found = run.plan, hosts_in_rollout(run)
    if plan is None or not found:
        return Markup("")
    stopped = [one for one in found if one.progress is HostProgress.STOPPED]
    more = len(stopped) - _MAX_STOPPED
    return join_lines(
        (
            ctx.translator.translate("hosts.title"),
            *_alike(plan, "hosts.has", ((one.host, _code(plan, one)) for one in _ready(plan, found)), ctx),
            *_under_way(found, ctx),
            *(_stopped(plan, one, ctx) for one in stopped[:_MAX_STOPPED]),
            ctx.translator.count("hosts.more_stopped", more) if more > 0 else Markup(""),
            _left_out(plan, ctx),
            *_alike(plan, "hosts.had", ((one.host, _code(plan, one)) for one in _waiting(found)), ctx),
        )
    )


def hosts_line(run: Run, ctx: RenderContext) -> Markup:
    """Render in one line how many hosts are how far, and which one stopped the run; empty without batches."""
    found = hosts_in_rollout(run)
    if not found:
        return Markup("")
    names = {one: tuple(each.host for each in found if each.progress is one) for one in HostProgress}
    count = {one: str(len(hosts)) if hosts else "" for one, hosts in names.items()}
    return ctx.translator.translate(
        "card.hosts",
        done=count[HostProgress.DONE],
        now=count[HostProgress.UNDER_WAY],
        stopped=places(names[HostProgress.STOPPED]),
        waiting=count[HostProgress.WAITING],
    )


def batch_line(run: Run, ctx: RenderContext) -> Markup:
    """Render which batch is under way or waits for its time; empty where none is."""
    plan = run.plan
    if plan is None or plan.batches is None or run.state is not RunState.RUNNING or not _reached(run, plan):
        return Markup("")
    number = batch_under_way(run)
    if not number:
        return Markup("")
    begins_at = batch_begins_at(run, number)
    waits = begins_at is not None and begins_at > ctx.now
    return ctx.translator.translate(
        "card.batch",
        n=str(number),
        m=str(len(plan.batches.hosts)),
        hosts=places(plan.batches.hosts[number - 1]),
        begins=ctx.translator.moment(begins_at) if waits and begins_at is not None else "",
    )


def _reached(run: Run, plan: Plan) -> bool:
    """Whether everything that comes before the first batch is done."""
    over = {StepState.DONE, StepState.SKIPPED}
    for step in plan.of(Phase.CHANGE):
        if plan.batches is not None and step.key in plan.batches.steps:
            return True
        if any(row.state not in over for row in run.rows(step.key)):
            return False
    return False


def _ready(plan: Plan, found: Iterable[HostInRollout]) -> Iterable[HostInRollout]:
    """Give the hosts that are done, with those on which nothing was to be done because they have the commit."""
    known = {one.host: one for one in found}
    sha = plan.sha.text if plan.sha is not None else ""
    left = first_of(LeftOut, plan.findings)
    done = [one for one in known.values() if one.progress is HostProgress.DONE]
    others = (
        HostInRollout(host, HostProgress.DONE, None, is_new=True, is_out=False)
        for host, head in sorted(plan.basis.checked_out.items())
        if host not in known and head == sha and not (left is not None and host in left.hosts)
    )
    return (*done, *others)


def _waiting(found: Iterable[HostInRollout]) -> Iterable[HostInRollout]:
    return (one for one in found if one.progress is HostProgress.WAITING)


def _code(plan: Plan, one: HostInRollout) -> str:
    """Give the short hash of the commit that is live on a host; empty where it is not known."""
    sha = plan.sha.short if plan.sha is not None else ""
    if one.is_new is None:
        return ""
    before = plan.basis.checked_out.get(one.host, "")[:7]
    return sha if one.is_new and one.progress is not HostProgress.WAITING else before or sha


def _alike(plan: Plan, key: str, hosts: Iterable[tuple[str, str]], ctx: RenderContext) -> tuple[Markup, ...]:
    by_code: dict[str, list[str]] = {}
    for host, code in hosts:
        by_code.setdefault(code, []).append(host)
    return tuple(
        ctx.translator.translate(key, code=code, code_missing="" if code else PRESENT, hosts=places(tuple(names)))
        for code, names in by_code.items()
    )


def _under_way(found: Iterable[HostInRollout], ctx: RenderContext) -> tuple[Markup, ...]:
    by_step: dict[str, list[str]] = {}
    for one in found:
        if one.progress is HostProgress.UNDER_WAY:
            by_step.setdefault(one.row.title if one.row is not None else "", []).append(one.host)
    return tuple(
        ctx.translator.translate(
            "hosts.now",
            emoji=STEP_EMOJI[StepState.RUNNING],
            hosts=places(tuple(names)),
            step=markup.clip(title, 60),
        )
        for title, names in by_step.items()
    )


def _stopped(plan: Plan, one: HostInRollout, ctx: RenderContext) -> Markup:
    row = one.row
    return ctx.translator.translate(
        "hosts.stopped",
        emoji=STEP_EMOJI[row.state if row is not None else StepState.UNKNOWN],
        host=one.host,
        code=_code(plan, one),
        step=markup.clip(row.title, 60) if row is not None else "",
        out=PRESENT if one.is_out else "",
    )


def _left_out(plan: Plan, ctx: RenderContext) -> Markup:
    left = first_of(LeftOut, plan.findings)
    return ctx.translator.translate("hosts.left_out", hosts=places(left.hosts)) if left is not None else Markup("")
