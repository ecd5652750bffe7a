"""Estates as the App Home shows them: three environments, and sixty."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from bot.domain.backups.backup import Proof
from bot.domain.errors import Reason, problem
from bot.domain.names import Sha, TargetName
from bot.domain.policies.freeze import ActiveFreeze
from bot.domain.policies.lock import Lock
from bot.domain.runs.estimate import StepEstimate
from bot.domain.runs.request import Action
from bot.domain.runs.run import Run, RunState
from bot.domain.targets.dashboard import Dashboard, HomeView
from bot.domain.targets.overview import ProvenBackup, TargetOverview
from bot.domain.targets.snapshot import TargetSnapshot, TargetState
from bot.slack.render.context import RenderContext
from tests.slack.support.runs import AMELIE, AT, BOB, DECIDERS, NEW, NOOR, OLD, PLAN, RUNS, ctx

NOW = AT + timedelta(seconds=31)
BEFORE = AT - timedelta(days=2)
LINKS = {f"R-00000{number}": f"https://example.slack.com/archives/C0OPS/p{number}" for number in range(10)} | {
    "R-7K3F9Q": "https://example.slack.com/archives/C0OPS/p7"
}
WEEKEND = ActiveFreeze("no weekend releases", AT + timedelta(days=2))


def on(target: TargetName, run: Run, number: int, user: str = AMELIE) -> Run:
    """Give a run as if it had been asked on another target."""
    request = replace(run.request, target=target, origin=replace(run.request.origin, user=user))
    return replace(run, id=f"R-00000{number}", sequence=number, request=request)


def ended(target: TargetName, number: int, state: RunState = RunState.SUCCEEDED, user: str = BOB) -> Run:
    """Give a run of the past."""
    plan = replace(PLAN, sha=Sha(OLD if number % 2 else NEW))
    run = replace(RUNS["succeeded"], state=state, plan=plan)
    at = BEFORE + timedelta(hours=number)
    return on(
        target, replace(run, created_at=at, change_started_at=at, ended_at=at + timedelta(seconds=48)), number, user
    )


def quiet(target: TargetName, number: int = 1) -> TargetOverview:
    """Give a target where nothing goes on."""
    past = ended(target, number)
    proven = ProvenBackup(f"B-20251115-00000{number}", Proof.PROVEN, BEFORE)
    return TargetOverview(target, (), past, past, None, proven)


def seen(overview: TargetOverview, **values: object) -> TargetSnapshot:
    """Give what a look shows where all is well."""
    found: dict[str, object] = {"heads": (overview.live,), "pending": ()}
    return TargetSnapshot(overview.target, NOW - timedelta(minutes=2), TargetState(**(found | values)))


def _everything(names: tuple[TargetName, ...]) -> Mapping[Action, tuple[TargetName, ...]]:
    return {Action.DEPLOY: names, Action.MIGRATE_STATUS: names, Action.BACKUP: names}


def three() -> HomeView:
    """A deploy waits for Bob, another runs, and a third environment is locked."""
    names = tuple(TargetName("compte", each) for each in ("production", "staging", "demo"))
    production, staging, demo = (quiet(name, number) for number, name in enumerate(names, start=1))
    waiting = on(names[0], RUNS["awaiting_approval"], 8)
    running = on(names[1], RUNS["running"], 9)
    lock = Lock(names[2], NOOR, "inventory until Friday", BEFORE)
    overviews = (
        replace(production, unfinished=(waiting,)),
        replace(staging, unfinished=(running,)),
        replace(demo, lock=lock),
    )
    snapshots = {
        names[0]: seen(production, waiting=("one",)),
        names[2]: seen(demo),
    }
    usual = {running.id: {"migrate": StepEstimate(46.0, 60.0)}}
    recent = (running, waiting, *(ended(names[number % 3], number) for number in range(7, 0, -1)))
    dashboard = Dashboard(overviews, snapshots, {names[0]: WEEKEND}, usual)
    return HomeView(BOB, "", dashboard, (waiting,), recent, _everything(names))


def decision() -> HomeView:
    """A migration failed halfway, and the site stays down until somebody decides; another host is not reached."""
    names = (TargetName("compte", "production"), TargetName("portail", "production"))
    held = on(names[0], RUNS["needs_human"], 8)
    first, second = quiet(names[0], 1), quiet(names[1], 2)
    unreachable = problem(Reason.HOST_UNREACHABLE, host="web7", address="192.0.2.7", port="22", detail="timed out")
    snapshots = {names[1]: TargetSnapshot(names[1], NOW, problem=unreachable)}
    dashboard = Dashboard((replace(first, unfinished=(held,)), second), snapshots, deciders={held.id: DECIDERS})
    return HomeView(AMELIE, "", dashboard, (held,), (held, ended(names[1], 3, RunState.FAILED)), _everything(names))


def nothing() -> HomeView:
    """Somebody who may do nothing."""
    return HomeView(NOOR, "", Dashboard(()), uncertain=True)


def calm() -> HomeView:
    """One environment, nothing to do, and somebody who may only look."""
    name = TargetName("compte", "production")
    overview = quiet(name)
    may = {Action.MIGRATE_STATUS: (name,)}
    return HomeView(NOOR, "", Dashboard((overview,), {name: seen(overview)}), (), (ended(name, 1),), may)


APPS = (
    *("abonnements", "agenda", "annuaire", "archives", "billetterie", "boutique", "catalogue", "compte", "courrier"),
    *("facturation", "formation", "intranet", "inventaire", "media", "messagerie", "newsletter", "paiement"),
    *("planning", "portail", "support"),
)


def sixty(chosen: str = "") -> HomeView:
    """Twenty apps in three environments each: a few want something, most are quiet."""
    names = tuple(TargetName(app, each) for app in APPS for each in ("production", "staging", "demo"))
    overviews = {name: quiet(name, 1 + index % 7) for index, name in enumerate(names)}
    snapshots = {name: seen(overview) for name, overview in overviews.items()}
    compte, boutique, media = (TargetName(app, "production") for app in ("compte", "boutique", "media"))
    agenda, portail = TargetName("agenda", "staging"), TargetName("portail", "production")
    waiting, running = on(compte, RUNS["awaiting_approval"], 8), on(boutique, RUNS["running"], 9)
    overviews[compte] = replace(overviews[compte], unfinished=(waiting,))
    overviews[boutique] = replace(overviews[boutique], unfinished=(running,))
    overviews[portail] = replace(overviews[portail], lock=Lock(portail, NOOR, "inventory until Friday", BEFORE))
    snapshots[media] = seen(overviews[media], maintenance=("web3",))
    snapshots[agenda] = seen(overviews[agenda], pending=("one", "two"))
    dashboard = Dashboard(tuple(overviews.values()), snapshots, {}, {running.id: {"migrate": StepEstimate(46.0, 60.0)}})
    recent = (running, waiting, *(ended(names[number * 3], number) for number in range(7, 0, -1)))
    return HomeView(BOB, chosen, dashboard, (waiting,), recent, _everything(names))


COCKPITS: Mapping[str, HomeView] = {
    "home_three": three(),
    "home_decision": decision(),
    "home_nothing": nothing(),
    "home_calm": calm(),
    "home_sixty": sixty(),
    "home_sixty_app": sixty("app:compte"),
}


def home_scene() -> RenderContext:
    """The scene at the instant of the estates."""
    return replace(ctx(NOW), names={}, estimates={})
