"""Runs to show."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from bot.domain.errors import Reason, problem
from bot.domain.names import Sha, TargetName
from bot.domain.policies.people import People
from bot.domain.policies.policy import Requirement
from bot.domain.runs.acts import Shell
from bot.domain.runs.approval import GateState
from bot.domain.runs.findings import finding_of
from bot.domain.runs.history import GENESIS, Entry, Record, chained
from bot.domain.runs.plan import Commit, Phase, Plan, Risk, Skipped, Step
from bot.domain.runs.request import DeployOptions, Origin, Request
from bot.domain.runs.run import Gate, Run, RunState, StepRow, StepState, Vote
from bot.domain.shell import command
from bot.engine.run_changes import Chunk

AT = datetime(2026, 11, 16, 7, 40, 3, tzinfo=UTC)
NOW = AT + timedelta(minutes=5)
SECRET = "hunter22"


def after(seconds: float) -> datetime:
    return AT + timedelta(seconds=seconds)


REQUEST = Request(
    DeployOptions("main"),
    TargetName("compte", "production"),
    Origin("U0AMELIE", "C0OPS", "Ev1"),
    "/deploy compte production",
)
REQUIREMENT = Requirement(1, People(("releasers",), frozenset({"U0BOB"})), timedelta(minutes=30), allow_requester=False)
PLAN = Plan(
    request=REQUEST,
    steps=(Step("migrate", "Migrate", Phase.CHANGE, ("web1",), Risk.CHANGES, 900, Shell(command("true"), "/var/www")),),
    requirement=REQUIREMENT,
    sha=Sha("a" * 40),
    commits=(Commit("a" * 40, "Amélie", "feat(sessions): révoquer le token lors de la désactivation"),),
    commit_count=1,
    pending=("2025_11_16_074003_add_token_id_to_user_sessions_table",),
    skipped=(Skipped("assets", "Build assets", "assets_changed"),),
    findings=(finding_of("backup", {"id": "B-7K3F9Q", "bytes": "48123"}),),
)


def step(position: int, key: str, title: str, phase: Phase, start: float, seconds: float, **values: object) -> StepRow:
    facts = {"state": StepState.DONE, "started_at": after(start), "ended_at": after(start + seconds), **values}
    return StepRow(position, key, title, phase, Risk.CHANGES, facts.pop("place", "web1"), **facts)


FAILED = Run(
    id="R-7K3F9Q",
    sequence=7,
    request=REQUEST,
    state=RunState.NEEDS_HUMAN,
    revision=9,
    created_at=AT,
    plan=PLAN,
    gate=Gate(GateState.APPROVED, "d" * 64, REQUIREMENT, after(20), after(1820)),
    steps=(
        step(0, "preflight", "Look at the host", Phase.PREPARE, 1, 0.4),
        step(1, "backup", "Back up the database", Phase.PREPARE, 2, 14.2, facts={"bytes": "48123"}),
        step(2, "down", "Maintenance on", Phase.CHANGE, 60, 1.25, place="web1"),
        step(2, "down", "Maintenance on", Phase.CHANGE, 60, 3.0, place="web2", attempt=2),
        step(
            3,
            "migrate",
            "Run the migrations",
            Phase.CHANGE,
            65,
            4,
            state=StepState.FAILED,
            exit_status=1,
            problem=problem(Reason.EXIT_STATUS, status="1", host="web1"),
            tail=f"Migrating: add_token_id\n\x1b[31mSQLSTATE[42S21]\x1b[0m: password {SECRET} [bold]\n",
        ),
        StepRow(4, "health", "Ask the site", Phase.VERIFY, Risk.READS, "-"),
    ),
    votes=(
        Vote("U0BOB", "d" * 64, "approve", True, "", after(40)),
        Vote("U0AMELIE", "d" * 64, "approve", False, "is_requester", after(30)),
    ),
    change_started_at=after(60),
    problem=problem(Reason.EXIT_STATUS, step="migrate", status="1"),
    facts={"maintenance": "on"},
)  # fmt: skip

SUCCEEDED = Run(
    id="R-000001",
    sequence=1,
    request=REQUEST,
    state=RunState.SUCCEEDED,
    revision=2,
    created_at=AT,
    ended_at=after(65),
    nothing_to_do=True,
)


def history() -> tuple[Record, ...]:
    first = chained(1, "2026-11-16T07:40:03Z", Entry("R-7K3F9Q", "requested", "U0AMELIE", {"ref": "main"}), GENESIS)
    second = chained(2, "2026-11-16T07:40:43Z", Entry("R-7K3F9Q", "gate_approved", "U0BOB", {}), first.hash)
    return first, second


CHUNKS = (
    Chunk("migrate", "web1", 1, 0, b"Migrating: add_token_id\n"),
    Chunk("migrate", "web1", 1, 1024, f"SQLSTATE: {SECRET} [bold]\n".encode()),
    Chunk("preflight", "web1", 1, 0, b"10%\r20%\rdone\r\n\x1b]0;title\x07clean\n"),
)
