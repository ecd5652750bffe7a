"""The step that proves a backup: restore it where that does no harm, compare, and record the result."""

from __future__ import annotations

from dataclasses import replace

from bot.databases.backups.access import BackupAccess
from bot.databases.backups.host_catalog import BackupLookup, BackupState
from bot.databases.backups.host_script import HostScript
from bot.databases.backups.manifest import Manifest, parse_manifest
from bot.databases.backups.remote_catalog import manifest_file
from bot.databases.backups.restore_script import (
    SANDBOX_RESULTS,
    ProofPlaces,
    RestoreStage,
    mydumper_stays_on_host,
    proof_job,
    proof_result_file,
)
from bot.databases.backups.restore_step import (
    LoadingStep,
    database_of,
    directory_of,
    find_own_manifest,
    not_restorable,
    pipe_of,
)
from bot.databases.backups.script_step import act_of
from bot.databases.sandbox_remedy import explained
from bot.databases.server.connector import Connector
from bot.databases.server.private_server import private_server_like
from bot.domain.errors import RefusedError
from bot.domain.runs.acts import ProofServer, Prove
from bot.domain.shell import syntax
from bot.engine.ports import Done, Failed, Job, Outcome, Output, Unknown
from bot.sandbox.obstacles import Obstacle, Refusal
from bot.sandbox.results import results_of
from bot.sandbox.server import PrivateServer

_HAS_MYLOADER = syntax("command -v myloader >/dev/null 2>&1 && command -v tar >/dev/null 2>&1")
_TIMEOUT = 30.0
_LONGEST_DETAIL = 300


class ProvePerformer(LoadingStep):
    """Proves a backup. Where it cannot or may not be restored, only its file is checked. Implements `Performer`.

    Args:
        access: to hosts and backups.
        databases: to ask the live server what a private one has to be like.
    """

    def __init__(self, access: BackupAccess, databases: Connector) -> None:
        super().__init__(access)
        self._databases = databases

    async def perform(self, job: Job, output: Output) -> Outcome:
        """Restore and compare, or check the file alone."""
        if not act_of(job, Prove).restores:
            return await self._mark(job, await self._check_file(job))
        return await self._or_checked(job, await super().perform(job, output))

    async def resume(self, job: Job, output: Output) -> Outcome:
        """As `perform`, but never start a restore."""
        if not act_of(job, Prove).restores:
            return await self._mark(job, await self._check_file(job))
        return await self._or_checked(job, await super().resume(job, output))

    async def _build(self, job: Job) -> HostScript:
        act = act_of(job, Prove)
        manifest = await find_own_manifest(self._access.catalog, job, act.backup)
        source, transfer = await self._source(job, manifest)
        private = await self._private_server(job, manifest) if act.server is ProofServer.PRIVATE else None
        places = ProofPlaces(private, act.scratch)
        return replace(proof_job(manifest, source, database_of(job), places, job.attempt), transfer=transfer)

    async def _private_server(self, job: Job, manifest: Manifest) -> PrivateServer | None:
        """Ask the live server what a private one has to be like; None where there cannot be one and it may do without.

        Raises:
            RefusedError: `not_restorable`, there cannot be one; or a reason of the database or of a host.
        """
        data_kib = manifest.data_bytes // 1024
        try:
            async with self._databases.reading(job.target) as session:
                return await private_server_like(session, database_of(job), data_kib)
        except ValueError as error:
            if act_of(job, Prove).scratch is not None:
                return None
            failed = not_restorable(manifest.backup, RestoreStage.IMPOSSIBLE, str(error))
            raise RefusedError(failed.problem) from error

    async def _or_checked(self, job: Job, outcome: Outcome) -> Outcome:
        """Check the file alone where the backup could not be restored here, which says nothing against it."""
        if not isinstance(outcome, Failed) or outcome.problem.facts.get("stage") != RestoreStage.IMPOSSIBLE.value:
            return outcome
        refusal = await self._refusal(job, outcome)
        checked = await self._mark(job, await self._check_file(job))
        if not isinstance(checked, Done):
            return checked
        refusal, remedy = await explained(self._access.reader, job.place, refusal)
        facts = {
            "unprovable": refusal.obstacle.value,
            "unprovable_detail": refusal.detail[:_LONGEST_DETAIL],
            "remedy": "\n".join(remedy),
        }
        return Done({**checked.facts, **facts})

    async def _refusal(self, job: Job, failed: Failed) -> Refusal:
        """Read why there was no private server."""
        detail = failed.problem.facts.get("detail", "")
        if failed.exit_status is None:
            return Refusal(Obstacle.VERSION, detail)
        try:
            facts = await self._access.pipes.note(job, f"{SANDBOX_RESULTS}/facts")
            refusal = results_of({"facts": facts.decode(errors="replace")}).refusal
        except RefusedError:
            return Refusal(Obstacle.LOST, detail)
        except ValueError:
            refusal = None
        return refusal or Refusal(Obstacle.FORBIDDEN, detail)

    async def _run(self, job: Job, script: HostScript, output: Output) -> Outcome:
        outcome = await super()._run(job, script, output)
        if script.transfer is None:
            return outcome
        return await self._record(job, outcome)

    async def _record(self, job: Job, outcome: Outcome) -> Outcome:
        """Copy the result that the script wrote into the manifest to where the backup is kept."""
        refuted = isinstance(outcome, Failed) and outcome.exit_status == RestoreStage.REFUTED.exit_status
        if not isinstance(outcome, Done) and not refuted:
            return outcome
        backup = act_of(job, Prove).backup
        try:
            text = await self._access.pipes.note(job, proof_result_file(pipe_of(job)))
            manifest = parse_manifest(text)
            if manifest.backup != backup:
                detail = f"the host gave the manifest of {manifest.backup}"
                return not_restorable(backup, RestoreStage.MANIFEST, detail)
            await self._access.storages.reader(job.target).put(manifest_file(backup), text)
        except RefusedError as refused:
            return Failed(refused.problem)
        except ValueError as error:
            return self._unusable(job, str(error))
        return outcome

    def _failed(self, job: Job, exit_status: int, detail: str) -> Outcome | None:
        backup, directory = act_of(job, Prove).backup, directory_of(job)
        short = detail.replace(f"{directory.rstrip('/')}/{backup}", backup) if directory else detail
        return super()._failed(job, exit_status, short)

    async def _finish(self, job: Job) -> Outcome:
        backup = act_of(job, Prove).backup
        try:
            found = await self._access.catalog.find(job.target, backup)
        except RefusedError as refused:
            return Unknown(refused.problem)
        if found.manifest is None or found.state is not BackupState.WHOLE or found.manifest.proof.is_bad:
            return not_restorable(backup, RestoreStage.MANIFEST, found.detail or found.state.value)
        return Done(_facts(found))

    async def _check_file(self, job: Job) -> Outcome:
        backup = act_of(job, Prove).backup
        try:
            found = await self._access.catalog.whole(job.target, backup)
        except RefusedError as refused:
            return Failed(refused.problem)
        if found.state is not BackupState.WHOLE or found.manifest is None:
            return not_restorable(backup, RestoreStage.FILE, found.detail or found.state.value)
        if found.manifest.by_mydumper:
            if self._must_send(job, found.manifest):
                return not_restorable(backup, RestoreStage.TOOLS, mydumper_stays_on_host(found.manifest))
            if not await self._has_myloader(job):
                detail = "mydumper made this backup, and myloader or tar is not installed"
                return not_restorable(backup, RestoreStage.TOOLS, detail)
        return Done(_facts(found))

    async def _has_myloader(self, job: Job) -> bool:
        """Whether the host can restore a backup of mydumper. One that does not answer is asked again later."""
        try:
            return (await self._access.reader.read(job.place, _HAS_MYLOADER, _TIMEOUT)).exit_status == 0
        except RefusedError:
            return True


def _facts(found: BackupLookup) -> dict[str, str]:
    manifest = found.manifest
    if manifest is None:
        return {}
    facts = {
        "backup": manifest.backup,
        "bytes": str(manifest.bytes),
        "sha256": manifest.sha256,
        "proof": manifest.proof.value,
        "proven_at": manifest.proven_at,
    }
    if manifest.restore_seconds is not None:
        facts["restore_seconds"] = str(manifest.restore_seconds)
    return facts
