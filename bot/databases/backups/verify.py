"""The step that proves a backup: restore it into a scratch database, compare, and record the result."""

from __future__ import annotations

from dataclasses import replace

from bot.databases.backups.host_catalog import BackupLookup, BackupState
from bot.databases.backups.host_script import HostScript
from bot.databases.backups.manifest import parse_manifest
from bot.databases.backups.remote_catalog import manifest_file
from bot.databases.backups.restore_script import RestoreStage, mydumper_stays_on_host, proof_job, proof_result_file
from bot.databases.backups.restore_step import (
    LoadingStep,
    database_of,
    directory_of,
    find_own_manifest,
    not_restorable,
    pipe_of,
)
from bot.databases.backups.script_step import act_of
from bot.domain.errors import RefusedError
from bot.domain.runs.acts import Prove
from bot.domain.shell import syntax
from bot.engine.ports import Done, Failed, Job, Outcome, Output, Unknown

_HAS_MYLOADER = syntax("command -v myloader >/dev/null 2>&1 && command -v tar >/dev/null 2>&1")
_TIMEOUT = 30.0


class ProvePerformer(LoadingStep):
    """Proves a backup. Where there may be no scratch database, only its file is checked. Implements `Performer`."""

    async def perform(self, job: Job, output: Output) -> Outcome:
        """Restore and compare, or check the file alone."""
        if act_of(job, Prove).scratch is None:
            return await self._mark(job, await self._check_file(job))
        return await super().perform(job, output)

    async def resume(self, job: Job, output: Output) -> Outcome:
        """As `perform`, but never start a restore."""
        if act_of(job, Prove).scratch is None:
            return await self._mark(job, await self._check_file(job))
        return await super().resume(job, output)

    async def _build(self, job: Job) -> HostScript:
        act = act_of(job, Prove)
        manifest = await find_own_manifest(self._access.catalog, job, act.backup)
        source, transfer = await self._source(job, manifest)
        script = proof_job(manifest, source, database_of(job), act.scratch or "", job.attempt)
        return replace(script, transfer=transfer)

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
