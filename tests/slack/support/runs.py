"""Snapshots of one deploy, at each point of its way."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.domain.errors import Reason, problem
from bot.domain.names import Sha, TargetName
from bot.domain.policies.people import People
from bot.domain.policies.policy import Policy, Requirement
from bot.domain.runs.acts import Dump, Health, Preflight, Shell
from bot.domain.runs.approval import SIGNED_ALONE, GateState
from bot.domain.runs.basis import Basis
from bot.domain.runs.batches import Batches
from bot.domain.runs.estimate import StepEstimate
from bot.domain.runs.findings import BackupMade
from bot.domain.runs.history import Head
from bot.domain.runs.plan import Commit, OnFailure, Phase, Plan, Risk, Skipped, Step
from bot.domain.runs.plan_json import plan_digest
from bot.domain.runs.request import Action, DeployOptions, Origin, Request
from bot.domain.runs.request_json import options_from_json
from bot.domain.runs.run import Gate, Run, RunState, StepRow, StepState, Vote
from bot.domain.runs.start_time import StartTime
from bot.domain.runs.watching import Sighting, Watched, Watching, WatchState
from bot.domain.secrets import Masker, Secret
from bot.domain.shell import syntax
from bot.domain.signatures.signature import Signature
from bot.domain.signatures.signer_keys import Signers
from bot.domain.targets.rollout import batches
from bot.domain.targets.target import EmojiNames, Operations, Target
from bot.slack.render.builtin_catalog import ENGLISH
from bot.slack.render.context import RenderContext
from bot.slack.render.text import Translator

AT = datetime(2025, 11, 17, 9, 30, tzinfo=UTC)
AMELIE, BOB, NOOR, OPS = "U0AMELIE", "U0BOB", "U0ONCALL", "C0OPS"
NEW, OLD = "aace2d6" + "0" * 33, "1f0c9b7" + "0" * 33
MIGRATION = "2025_11_16_074003_add_token_id_to_user_sessions_table"
SHA256 = "9f2c4d11" * 8
PASSWORD = "hunter2-production"
NAMES = {AMELIE: "Amélie", BOB: "Bob", NOOR: "Noor"}
ESTIMATES = {
    key: StepEstimate(seconds, seconds * 2)
    for key, seconds in {
        "migrate": 12.0,
        "backup": 40.0,
        "maintenance-on": 0.5,
        "checkout": 1.0,
        "config-cache": 2.0,
    }.items()
}
RELEASERS = Requirement(
    1,
    People(("releasers",), frozenset({BOB}), frozenset({"S0RELEASE"})),
    timedelta(minutes=30),
    allow_requester=False,
)


def request(event: str = "Ev1", **options: str) -> Request:
    return Request(
        options_from_json(Action.DEPLOY, {"ref": "main", **options}),
        TargetName("compte", "production"),
        Origin(AMELIE, OPS, event),
        "/deploy compte production",
    )


def shell(
    key: str,
    title: str,
    *,
    risk: Risk = Risk.CHANGES,
    phase: Phase = Phase.CHANGE,
    hosts: tuple[str, ...] = ("web1",),
    undoes: str | None = None,
    schema: bool = False,
    on_failure: OnFailure = OnFailure.FAIL,
) -> Step:
    act = Shell(syntax(f"run {key}"), "/var/www/compte")
    return Step(key, title, phase, hosts, risk, 600, act, undoes=undoes, schema=schema, on_failure=on_failure)


STEPS = (
    Step("preflight", "Servers ready", Phase.PREPARE, ("web1",), Risk.READS, 60, Preflight(1000)),
    shell("fetch", "Fetch from origin", risk=Risk.READS, phase=Phase.PREPARE),
    Step("backup", "Back up the database", Phase.PREPARE, ("web1",), Risk.READS, 7200, Dump("B-20251117-7K3F9Q")),
    shell("maintenance-on", "Maintenance mode on"),
    shell("checkout", "Check out the approved commit"),
    shell("migrate", "Migrate the database", risk=Risk.DESTROYS, schema=True, on_failure=OnFailure.HOLD),
    shell("config-cache", "Cache the configuration"),
    shell("maintenance-off", "Maintenance mode off", undoes="maintenance-on"),
    Step("health", "The site answers", Phase.VERIFY, (), Risk.READS, 60, Health("https://compte.example.com", 30)),
)
BACKUP = BackupMade("B-20251117-7K3F9Q", "/var/backups/x.sql.gz", 12897485, SHA256)
UNSEALED = Plan(
    request=request(),
    steps=STEPS,
    requirement=RELEASERS,
    basis=Basis({"commit": NEW, "checked out on web1": OLD, "pending migrations": MIGRATION}),
    sha=Sha(NEW),
    commits=(
        Commit(NEW, "Amélie Laurent", "feat(sessions): révoquer le token lors de la désactivation"),
        Commit("c0ffee1" + "0" * 33, "Bob Okafor", "fix: <!channel> in a subject & *stars*"),
    ),
    commit_count=2,
    pending=(MIGRATION,),
    skipped=(
        Skipped("composer", "Install PHP packages", "composer.lock unchanged"),
        Skipped("assets", "Build the assets", "package-lock.json and resources/js/* unchanged"),
    ),
)
PLAN = UNSEALED.sealed((BACKUP,))
DIGEST = plan_digest(PLAN)
GATE = Gate(GateState.OPEN, DIGEST, RELEASERS, AT + timedelta(seconds=50), AT + timedelta(minutes=30, seconds=50))


def rows(done: int = 0, **last: object) -> tuple[StepRow, ...]:
    """Rows of all steps: so many of them done, one second each; `last` is set on the next one."""
    found = []
    for position, step in enumerate(STEPS):
        row = StepRow(position, step.key, step.title, step.phase, step.risk, step.places[0])
        start = AT + timedelta(seconds=position * 5)
        if position < done:
            end = start + timedelta(seconds=2.5)
            row = replace(row, state=StepState.DONE, begun=True, started_at=start, ended_at=end, exit_status=0)
        elif position == done and last:
            row = replace(row, started_at=start, **last)
        found.append(row)
    return tuple(found)


def run(state: RunState, **values: object) -> Run:
    return Run("R-7K3F9Q", 7, request(), state, 3, AT, **values)


APPROVED = replace(GATE, state=GateState.APPROVED)
VOTE = Vote(BOB, DIGEST, "approve", True, "", AT + timedelta(seconds=70))
BEHIND_GATE = {"plan": PLAN, "gate": APPROVED, "votes": (VOTE,), "change_started_at": AT + timedelta(seconds=15)}
MIGRATING = "INFO  Running migrations.\n\n2025_11_16_074003_add_token_id_to_user_sessions_table ...... "
BROKEN = MIGRATING + "FAIL\n\nSQLSTATE[42S21]: Column already exists: 1060 Duplicate column name 'token_id'"
AFTER = AT + timedelta(seconds=48)
FAILED_ROW = {
    "state": StepState.FAILED,
    "ended_at": AT + timedelta(seconds=29),
    "exit_status": 1,
    "begun": True,
    "tail": BROKEN,
}

RUNS: dict[str, Run] = {
    "queued": run(RunState.QUEUED, place_in_queue=2),
    "planning": run(RunState.PLANNING, steps=rows(1, state=StepState.RUNNING)[:2]),
    "preparing": run(RunState.PLANNING, plan=UNSEALED, steps=rows(2, state=StepState.RUNNING)),
    "awaiting_approval": run(RunState.AWAITING_APPROVAL, plan=PLAN, gate=GATE, steps=rows(3)),
    "ignored_vote": run(
        RunState.AWAITING_APPROVAL,
        plan=PLAN,
        gate=GATE,
        steps=rows(3),
        votes=(Vote(AMELIE, DIGEST, "approve", False, "is_requester", AT),),
    ),
    "running": run(RunState.RUNNING, steps=rows(5, state=StepState.RUNNING, begun=True, tail=MIGRATING), **BEHIND_GATE),
    "cancelling": run(
        RunState.RUNNING, steps=rows(5, state=StepState.RUNNING, begun=True), cancelled_by=NOOR, **BEHIND_GATE
    ),
    "succeeded": run(RunState.SUCCEEDED, steps=rows(9), ended_at=AFTER, **BEHIND_GATE),
    "nothing_to_do": run(RunState.SUCCEEDED, steps=rows(2)[:2], nothing_to_do=True, ended_at=AFTER),
    "rejected": run(
        RunState.REJECTED,
        plan=PLAN,
        gate=replace(GATE, state=GateState.REJECTED),
        steps=rows(3),
        votes=(replace(VOTE, choice="reject"),),
        problem=problem(Reason.REJECTED, by=BOB),
        ended_at=AFTER,
    ),
    "expired": run(
        RunState.EXPIRED,
        plan=PLAN,
        gate=replace(GATE, state=GateState.EXPIRED),
        steps=rows(3),
        problem=problem(Reason.EXPIRED),
        ended_at=AFTER,
    ),
    "moved": run(
        RunState.FAILED,
        plan=PLAN,
        gate=replace(GATE, state=GateState.VOID),
        steps=rows(3),
        votes=(VOTE,),
        problem=problem(Reason.MOVED, **{"checked out on web1": f"{OLD} → {'b' * 40}"}),
        ended_at=AFTER,
    ),
    "cancelled": run(
        RunState.CANCELLED,
        plan=PLAN,
        gate=GATE,
        steps=rows(3),
        cancelled_by=AMELIE,
        problem=problem(Reason.CANCELLED, by=AMELIE),
        ended_at=AFTER,
    ),
    "failed_early": run(
        RunState.FAILED,
        steps=rows(1, **{**FAILED_ROW, "tail": ""})[:2],
        problem=problem(Reason.NOT_FAST_FORWARD, ref="main", sha=NEW, head=OLD, host="web1"),
        ended_at=AFTER,
    ),
    "needs_human": run(
        RunState.NEEDS_HUMAN,
        steps=rows(5, **FAILED_ROW),
        problem=problem(Reason.EXIT_STATUS, title="Migrate the database", host="web1", status="1"),
        **BEHIND_GATE,
    ),
}

EXCEPTION = request(emergency="the site is <!channel> down, and " + PASSWORD)
OWED = replace(GATE, afterwards=True, expires_at=AT + timedelta(days=1), requirement=replace(RELEASERS, count=2))
AFTERWARDS = {"plan": PLAN, "steps": rows(9), "ended_at": AFTER, "change_started_at": AT + timedelta(seconds=15)}
STARTS = StartTime(AT + timedelta(hours=14), AT + timedelta(hours=14, minutes=30), "Europe/Paris", "22:30")
WAITS = replace(run(RunState.QUEUED, plan=PLAN, gate=APPROVED, votes=(VOTE,), steps=rows(3)), request=request())
WAITS = replace(WAITS, request=replace(WAITS.request, options=DeployOptions("main", at=STARTS)))

TO_SIGN = replace(GATE, requirement=replace(RELEASERS, count=2, signed=True), nonce="5e" * 16)
SIGNATURE = Signature(NOOR, DIGEST, "armour", "5" * 64, "ssh-ed25519 AAAA", "7" * 64, AT + timedelta(seconds=65))
RUNS |= {
    "to_sign": run(
        RunState.AWAITING_APPROVAL,
        plan=PLAN,
        gate=TO_SIGN,
        steps=rows(3),
        votes=(
            Vote(NOOR, DIGEST, "approve", True, SIGNED_ALONE, AT + timedelta(seconds=65)),
            Vote(BOB, DIGEST, "approve", False, "signature_missing", AT + timedelta(seconds=70)),
        ),
        signatures=(SIGNATURE,),
    ),
    "waits_for_time": WAITS,
    "watched": run(
        RunState.SUCCEEDED,
        steps=rows(9),
        ended_at=AFTER,
        watching=Watching(AFTER + timedelta(minutes=10), unread=(Sighting(Watched.LOG, None, "Permission denied"),)),
        **BEHIND_GATE,
    ),
    "watch_crossed": run(
        RunState.SUCCEEDED,
        steps=rows(9),
        ended_at=AFTER,
        watching=Watching(
            AFTER + timedelta(minutes=10),
            WatchState.CROSSED,
            AFTER + timedelta(minutes=3),
            (
                Sighting(Watched.LOG, crossed=True, detail="7: [2025-11-17] production.ERROR: <!channel> " + PASSWORD),
                Sighting(Watched.HEALTH, crossed=True, detail="502"),
            ),
        ),
        **BEHIND_GATE,
    ),
    "start_missed": replace(
        WAITS,
        state=RunState.EXPIRED,
        problem=problem(Reason.START_MISSED, **STARTS.facts),
        ended_at=AT + timedelta(hours=15),
    ),
    "reminded": run(
        RunState.AWAITING_APPROVAL, plan=PLAN, gate=replace(GATE, reminded_at=AT + timedelta(minutes=15)), steps=rows(3)
    ),
    "turn": run(RunState.PLANNING, waited=True),
    "owed": replace(
        run(RunState.SUCCEEDED, gate=replace(OWED, reminded_at=AT + timedelta(hours=1)), votes=(VOTE,), **AFTERWARDS),
        request=EXCEPTION,
    ),
    "countersigned": replace(
        run(RunState.SUCCEEDED, gate=replace(OWED, state=GateState.APPROVED), votes=(VOTE,), **AFTERWARDS),
        request=EXCEPTION,
    ),
    "not_countersigned": replace(
        run(
            RunState.SUCCEEDED,
            gate=replace(OWED, state=GateState.REJECTED),
            votes=(replace(VOTE, choice="reject"),),
            **AFTERWARDS,
        ),
        request=EXCEPTION,
    ),
    "during_freeze": replace(
        run(
            RunState.AWAITING_APPROVAL,
            plan=PLAN,
            gate=replace(GATE, requirement=replace(RELEASERS, also=replace(RELEASERS, count=2))),
            steps=rows(3),
        ),
        request=request(during_freeze="customers wait"),
    ),
}


def hosts(count: int) -> tuple[str, ...]:
    return tuple(f"web{number}" for number in range(1, count + 1))


def in_batches(count: int, size: int, state: RunState, done: int, stopped: tuple[str, ...] = (), **values: Any) -> Run:
    """Give a run that has ten steps and goes from batch to batch, with `web1` as its canary.

    Args:
        count: number of hosts.
        size: of a batch.
        state: of the run.
        done: number of hosts that are done, in the order of the batches.
        stopped: names of the hosts that are not healthy.
        values: of the run.
    """
    every = hosts(count)
    steps = (
        shell("packages", "Download PHP packages", hosts=every),
        shell("config-cache", "Cache the configuration", hosts=every),
        shell("as-approved", "The release is as approved", risk=Risk.READS, hosts=every),
        shell("before-host", "Take the host out of service", hosts=every),
        shell("switch", "Switch to the release", hosts=every),
        shell("restart-nginx", "Restart nginx", hosts=every),
        shell("host-health", "The host is healthy", risk=Risk.READS, hosts=every),
        shell("after-host", "Put the host back into service", hosts=every),
        shell("prune", "Remove old releases", hosts=every),
        shell("commit-live", "The approved commit is live", risk=Risk.READS, phase=Phase.VERIFY, hosts=every),
    )
    basis = {"commit": NEW, **{f"checked out on {host}": OLD for host in every}}
    divided = Batches(batches(every, size, "web1"), tuple(step.key for step in steps[3:8]), 10)
    plan = replace(UNSEALED, steps=steps, basis=Basis(basis), pending=(), skipped=(), batches=divided)
    first = set(divided.all_hosts[:done]) - set(stopped)
    found = []
    for position, step in enumerate(steps):
        for host in every:
            row = StepRow(position, step.key, step.title, step.phase, step.risk, host)
            is_over = position < 3 or (
                step.key in divided.steps and (host in first or (host in stopped and position < 6))
            )
            times = {"started_at": AT + timedelta(seconds=16), "ended_at": AT + timedelta(seconds=20)}
            if is_over:
                row = replace(row, state=StepState.DONE, begun=True, exit_status=0, **times)
            elif host in stopped and step.key == "host-health":
                row = replace(row, state=StepState.FAILED, begun=True, exit_status=1, problem=_BAD_HEALTH, **times)
            found.append(row)
    gate = replace(APPROVED, digest=plan_digest(plan))
    started = AT + timedelta(seconds=15)
    behind = {"plan": plan, "gate": gate, "votes": (VOTE,), "change_started_at": started, "steps": tuple(found)}
    return run(state, **behind, **values)


_BAD_HEALTH = problem(Reason.EXIT_STATUS, status="1")
STOPPED_AT = problem(Reason.EXIT_STATUS, status="1", step="host-health", title="The host is healthy", place="web5")

RUNS |= {
    "in_batches": in_batches(10, 2, RunState.RUNNING, 3),
    "between_hosts": in_batches(10, 2, RunState.NEEDS_HUMAN, 5, ("web5",), problem=STOPPED_AT),
}

OPERATIONS = Operations(
    EmojiNames(),
    {},
    {},
    {
        TargetName("compte", environment): Target(
            TargetName("compte", environment),
            "laravel",
            (OPS,),
            Policy("production"),
            ("web1",),
            "/var/www/compte",
            "main",
        )
        for environment in ("production", "staging")
    },
    signers=Signers(file="allowed_signers"),
)
ANCHOR = Head(41, "5e" * 32)
MASKER = Masker((Secret(PASSWORD),))


DECIDERS = People(("engineers", "oncall"), frozenset({AMELIE, NOOR}))


def ctx(now: datetime = AT + timedelta(seconds=31)) -> RenderContext:
    return RenderContext(
        Translator(ENGLISH),
        MASKER,
        EmojiNames(),
        now,
        NAMES,
        ESTIMATES,
        anchor=ANCHOR,
        deciders=DECIDERS,
        on_call=People((), frozenset({NOOR})),
    )
