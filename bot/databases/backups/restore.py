"""The two steps that put a backup back: load it beside the live database, and swap the tables."""

from __future__ import annotations

from dataclasses import replace

from bot.databases.backups.access import BackupAccess
from bot.databases.backups.host_script import HostScript
from bot.databases.backups.leftovers import LeftoverReader
from bot.databases.backups.manifest import Manifest
from bot.databases.backups.restore_script import load_job, swap_job
from bot.databases.backups.restore_step import LoadingStep, RestoreStep, database_of, find_own_manifest
from bot.databases.backups.script_step import TailedOutput, act_of
from bot.domain.errors import Reason, RefusedError, problem
from bot.domain.runs.acts import Load, Swap
from bot.engine.ports import Done, Effect, Failed, Job, Outcome, Unknown


class LoadPerformer(LoadingStep):
    """Restores a backup into a fresh database beside the live one. Implements `Performer`."""

    async def _build(self, job: Job) -> HostScript:
        act = act_of(job, Load)
        manifest = await find_own_manifest(self._access.catalog, job, act.backup)
        if manifest.sha256 != act.sha256:
            raise ValueError("the file is not the one that was approved")
        _require_approved(manifest, act)
        source, transfer = await self._source(job, manifest)
        return replace(load_job(manifest, source, database_of(job), act.fresh, job.attempt), transfer=transfer)

    async def _finish(self, job: Job) -> Outcome:
        return Done({"backup": act_of(job, Load).backup})


class SwapPerformer(RestoreStep):
    """Puts restored tables into the place of the live ones. Implements `Performer`.

    Args:
        access: to hosts and backups.
        leftovers: reads which databases exist.
    """

    def __init__(self, access: BackupAccess, leftovers: LeftoverReader) -> None:
        super().__init__(access.runner)
        self._catalog = access.catalog
        self._leftovers = leftovers

    async def check(self, job: Job) -> Effect:
        """Conclude from the databases that exist how far the script came.

        It creates the one for the old tables just before it touches anything, drops that again once everything is put
        back, and drops the copy last of all.
        """
        act = act_of(job, Swap)
        try:
            databases = {leftover.database for leftover in await self._leftovers.read(job.target)}
        except RefusedError:
            return Effect.CANNOT_TELL
        match act.old in databases, act.fresh in databases:
            case True, False:
                return Effect.TOOK
            case False, True:
                return Effect.DID_NOT
            case _:
                return Effect.CANNOT_TELL

    async def _build(self, job: Job) -> HostScript:
        act = act_of(job, Swap)
        manifest = await find_own_manifest(self._catalog, job, act.backup)
        _require_approved(manifest, act)
        return swap_job(manifest, database_of(job), act.fresh, act.old)

    async def _finish(self, job: Job) -> Outcome:
        return Done({"backup": act_of(job, Swap).backup})

    async def _conclude(self, job: Job, outcome: Outcome, tail: TailedOutput) -> Outcome:
        concluded = await super()._conclude(job, outcome, tail)
        if not _was_ended(concluded):
            return concluded
        match await self.check(job), concluded:
            case Effect.TOOK, _:
                return Done({"backup": act_of(job, Swap).backup, "known_by": "check"})
            case Effect.DID_NOT, Unknown():
                return Failed(problem(Reason.NOT_TAKEN_EFFECT, title=job.step.title, host=job.place))
            case Effect.CANNOT_TELL, Failed(cause):
                return Unknown(problem(Reason.OUTCOME_UNKNOWN, host=job.place, why=cause.reason.value))
        return concluded


def _require_approved(manifest: Manifest, act: Load | Swap) -> None:
    """Make sure that a manifest is the approved one. Only its proof may have changed.

    Raises:
        ValueError: it is not.
    """
    if act.manifest is not None and manifest.stable_sha256 != act.manifest:
        raise ValueError("its manifest is not the one that was approved; ask for the restore again to see what it says")


def _was_ended(outcome: Outcome) -> bool:
    """Whether the script is certainly gone without having reported how far it came, perhaps killed half-way."""
    match outcome:
        case Unknown(cause):
            return cause.facts.get("why") == "no_status"
        case Failed(cause):
            return cause.reason in {Reason.EXIT_STATUS, Reason.TIMED_OUT, Reason.CANCELLED}
        case _:
            return False
