from datetime import UTC, datetime, timedelta

from bot.domain.errors import Reason, problem
from bot.domain.inbox import Event, EventKind, MessageState, Posted
from bot.domain.names import Sha, TargetName
from bot.domain.policies.people import People
from bot.domain.policies.policy import Requirement
from bot.domain.runs.acts import Dump, Shell
from bot.domain.runs.approval import GateState
from bot.domain.runs.basis import Basis
from bot.domain.runs.findings import BackupMade
from bot.domain.runs.history import Entry
from bot.domain.runs.plan import Commit, OnFailure, Phase, Plan, Risk, Skipped, Step
from bot.domain.runs.request import DeployOptions, Origin, Request
from bot.domain.runs.run import Gate, Run, RunState, StepRow, StepState, Vote
from bot.domain.shell import command
from bot.engine.run_changes import Chunk, MoveTo, RunLease
from bot.store import SqlStore

AT = datetime(2025, 11, 16, 7, 40, 3, 123456, tzinfo=UTC)
HOUR = timedelta(hours=1)


def request(event: str = "Ev1", app: str = "compte", environment: str = "production") -> Request:
    origin = Origin("U0AMELIE", "C0OPS", event)
    return Request(DeployOptions("main"), TargetName(app, environment), origin, "/deploy compte production — é")


def entry(run: str = "R-000001", event: str = "requested", **facts: str) -> Entry:
    return Entry(run, event, "U0AMELIE", facts)


def step(key: str = "migrate", place: str = "web1", position: int = 0, attempt: int = 1, **values: object) -> StepRow:
    return StepRow(position, key, key.title(), Phase.CHANGE, Risk.CHANGES, place, attempt, **values)


def event(number: object = 1) -> Event:
    return Event(f"Ev{number}", EventKind.COMMAND, '{"text": "compte production — 😀"}')


def posted(run: str = "R-000001", slot: str = "card", ts: str = "1.2", fingerprint: str = "f") -> Posted:
    return Posted(run, slot, "C0OPS", ts, fingerprint, MessageState.POSTED if ts else MessageState.INTENDED)


def chunk(
    offset: int = 0, data: bytes = b"one\n", key: str = "migrate", place: str = "web1", attempt: int = 1
) -> Chunk:
    return Chunk(key, place, attempt, offset, data)


REQUIREMENT = Requirement(
    2, People(("releasers",), frozenset({"U0BOB"}), frozenset({"S0R"})), timedelta(minutes=30), allow_requester=False
)
GATE = Gate(GateState.OPEN, "d" * 64, REQUIREMENT, AT, AT + HOUR)
VOTE = Vote("U0BOB", "d" * 64, "approve", True, "", AT)
PROBLEM = problem(Reason.EXIT_STATUS, step="migrate", host="web1", status="1")
PLAN = Plan(
    request=request(),
    steps=(
        Step("backup", "Back up", Phase.PREPARE, ("web1",), Risk.READS, 600, Dump("B-1", ("users",))),
        Step(
            "migrate",
            "Migrate",
            Phase.CHANGE,
            ("web1",),
            Risk.CHANGES,
            900,
            Shell(command("php", "artisan", "migrate", "it's"), "/var/www/compte", "a" * 40),
            check=command("true"),
            on_failure=OnFailure.HOLD,
            schema=True,
        ),
    ),
    requirement=REQUIREMENT,
    basis=Basis({"head": "b" * 40}),
    sha=Sha("a" * 40),
    commits=(Commit("a" * 40, "Amélie", "Add a column 😀"),),
    commit_count=1,
    pending=("2025_11_16_074003_add_token_id",),
    skipped=(Skipped("assets", "Assets", "assets_changed"),),
    findings=(BackupMade(bytes=12),),
    destructive=True,
)


async def made(store: SqlStore, number: int = 1, app: str = "compte") -> Run:
    run = f"R-{number:06}"
    return await store.runs.create(run, request(f"Ev{run}", app), AT, entry(run))


async def claimed(store: SqlStore, number: int = 1, app: str = "compte", owner: str = "one") -> RunLease:
    run = await made(store, number, app)
    lease = await store.leases.claim(run.id, owner, HOUR)
    assert lease is not None
    return lease


async def running(store: SqlStore, number: int = 1, app: str = "compte") -> RunLease:
    lease = await claimed(store, number, app)
    assert await store.leases.admit(lease, AT)
    await store.runs.write(lease, (MoveTo(RunState.RUNNING, AT),))
    return lease


def done(number: int, seconds: float, key: str = "migrate") -> StepRow:
    start = AT + timedelta(minutes=number)
    return step(key, state=StepState.DONE, started_at=start, ended_at=start + timedelta(seconds=seconds))
