"""Steps that dump, prove, load and swap on one host, and what is read from their outcomes."""

from bot.databases.backups.dump import DumpPerformer
from bot.databases.backups.dump_script import DumpStage
from bot.databases.backups.restore import LoadPerformer
from bot.databases.backups.restore_script import RestoreStage
from bot.domain.errors import Reason
from bot.domain.runs.acts import Act, Dump, Load, ProofServer, Prove, Swap
from bot.domain.runs.plan import Phase, Risk, Step
from bot.domain.targets.target import Target
from bot.engine.ports import Done, Failed, Job, Outcome
from tests.databases.support.local import KeptOutput, LocalHost, access_to

BACKUP = "B-7K3F9Q"


def job_of(target: Target, *tables: str, attempt: int = 1, backup: str = BACKUP) -> Job:
    """A step that dumps a target's database, or some of its tables alone."""
    step = Step("backup", "Back up", Phase.PREPARE, ("web1",), Risk.READS, 60, Dump(backup, tables))
    return Job("R-7K3F9Q", 1, step, "web1", attempt, target)


def performer(host: LocalHost) -> DumpPerformer:
    """What dumps on a host; its pauses are short."""
    return DumpPerformer(access_to(host), pauses=(0.01,))


def prove_job(
    target: Target, backup: str = BACKUP, *, scratch: bool = True, server: ProofServer | None = None, attempt: int = 1
) -> Job:
    """A step that proves a backup, with `scratch` beside the live database; with no place at all, its file alone."""
    assert target.database is not None
    name = f"{target.database.name}_countersign_proof_7k3f9q" if scratch else None
    step = Step("backup-proof", "Prove", Phase.PREPARE, ("web1",), Risk.READS, 60, Prove(backup, name, server))
    return Job("R-7K3F9Q", 1, step, "web1", attempt, target)


def private_job(target: Target, *, or_beside: bool = False) -> Job:
    """A step that proves a backup in a private server; where that cannot be, perhaps beside the live database."""
    return prove_job(target, scratch=or_beside, server=ProofServer.PRIVATE)


def step_job(target: Target, act: Act) -> Job:
    """A step of a restore."""
    step = Step("restore", "Restore", Phase.CHANGE, ("web1",), Risk.DESTROYS, 60, act)
    return Job("R-7K3F9Q", 1, step, "web1", 1, target)


def copy_and_old(target: Target) -> tuple[str, str]:
    """Names of the copy that a restore loads, and of the one that keeps what was there."""
    assert target.database is not None
    return f"{target.database.name}_countersign_restore_x", f"{target.database.name}_countersign_before_x"


def swap_job_of(target: Target) -> Job:
    """A step that exchanges the live tables for the copy."""
    return step_job(target, Swap(BACKUP, *copy_and_old(target)))


async def loaded(host: LocalHost, target: Target, sha256: str) -> None:
    """Load a backup into the copy, which has to succeed."""
    output = KeptOutput()
    job = step_job(target, Load(BACKUP, sha256, copy_and_old(target)[0]))
    outcome = await LoadPerformer(access_to(host)).perform(job, output)
    assert isinstance(outcome, Done), (outcome, output.text.decode())


def done(outcome: Outcome) -> dict[str, str]:
    """What a step that succeeded found out."""
    assert isinstance(outcome, Done), outcome
    return dict(outcome.facts)


def failed(outcome: Outcome, stage: DumpStage) -> dict[str, str]:
    """What a dump said that failed at a stage, and at no other."""
    assert isinstance(outcome, Failed), outcome
    assert outcome.problem.reason is Reason.BACKUP_IMPOSSIBLE, outcome
    assert outcome.problem.facts["stage"] == stage.value, outcome
    return dict(outcome.problem.facts)


def refused(outcome: Outcome, stage: RestoreStage) -> str:
    """What a proof or a restore said that failed at a stage, and at no other."""
    assert isinstance(outcome, Failed), outcome
    assert outcome.problem.reason is Reason.NOT_RESTORABLE
    assert outcome.problem.facts["stage"] == stage.value, outcome
    return outcome.problem.facts["detail"]
