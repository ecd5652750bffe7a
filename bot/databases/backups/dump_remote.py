"""Making a backup that is kept elsewhere than on its host: the dump passes through the bot and is judged there."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace
from typing import Any

from bot.databases.backups.byte_counter import Counted
from bot.databases.backups.dump import Known, TailedOutput, backup_facts, before_of, impossible, is_of, masked
from bot.databases.backups.dump_script import Before, Stage, dump_job, failed_stage, manifest_of_stream, pipe_of
from bot.databases.backups.encryption import encrypted
from bot.databases.backups.host_catalog import Presence
from bot.databases.backups.manifest import dump_files, parse_manifest
from bot.databases.backups.relay import cut_short, side_by_side
from bot.databases.backups.remote_catalog import find_remote, manifest_file, read_whole, remote_sha256
from bot.databases.ports import BackupStorage, BackupStorages, HostPipes, HostReader, HostRunner, PendingUpload
from bot.domain.errors import RefusedError
from bot.domain.runs.acts import Dump
from bot.domain.shell import syntax
from bot.domain.targets.target import Backups
from bot.engine.ports import Done, Effect, Ending, Failed, Job, Outcome, Output

_HAS_ZSTD = syntax("command -v zstd >/dev/null 2>&1")
_QUICK = 30.0
_AGE = ".age"


@dataclass(frozen=True)
class _Taken:
    """What came through the pipe.

    Args:
        sha256: of what came.
        stored: checksum of what was written into the vault, which may be encrypted.
        stored_bytes: how many they were.
    """

    sha256: str
    stored: str
    stored_bytes: int


class StreamedDumpPerformer:
    """Makes a backup in a vault. Implements `Performer`.

    It is a backup once its manifest is in the vault. That is written last: when the host's script ended well, what the
    host sent is what came, and what the vault gives back is what was written.

    Args:
        runner: runs the script detached.
        reader: asks the host what it has.
        pipes: brings the dump.
        storages: keep it.
        known: tells what is known before a dump.
    """

    def __init__(
        self,
        runner: HostRunner,
        reader: HostReader,
        pipes: HostPipes,
        storages: BackupStorages,
        known: Known | None = None,
    ) -> None:
        self._runner = runner
        self._reader = reader
        self._pipes = pipes
        self._storages = storages
        self._known = known

    async def perform(self, job: Job, output: Output) -> Outcome:
        """Dump into the vault, unless the backup is there."""
        told = TailedOutput(output)
        try:
            storage = self._storages.of(job.target)
            there = await read_whole(storage, _dump(job).backup)
            if there.presence is Presence.WHOLE and is_of(there, job):
                return Done(backup_facts(there, storage.place))
            if there.presence is not Presence.ABSENT:
                return impossible(Stage.STORE, f"{storage.place} has another file of this ID: {there.detail}")
            # Parts of an earlier attempt, whose bot was killed.
            await storage.remove(dump_files(_dump(job).backup))
            return await self._dumped(job, storage, told)
        except RefusedError as refused:
            return Failed(refused.problem)
        except ValueError as error:
            return impossible(Stage.SETTINGS, str(error))

    async def resume(self, job: Job, output: Output) -> Outcome:
        """End what was begun: its stream went with the bot that took it. A backup that was finished is one."""
        try:
            storage = self._storages.of(job.target)
            found = await read_whole(storage, _dump(job).backup)
        except RefusedError as refused:
            return Failed(refused.problem)
        if found.presence is Presence.WHOLE and is_of(found, job):
            return Done(backup_facts(found, storage.place))
        return await cut_short(self._runner, job)

    async def check(self, job: Job) -> Effect:
        """Say whether the backup is there and whole."""
        try:
            found = await read_whole(self._storages.of(job.target), _dump(job).backup)
        except RefusedError:
            return Effect.CANNOT_TELL
        match found.presence:
            case Presence.WHOLE:
                return Effect.TOOK if is_of(found, job) else Effect.CANNOT_TELL
            case Presence.ABSENT:
                return Effect.DID_NOT
            case _:
                return Effect.CANNOT_TELL

    async def end(self, job: Job) -> Ending:
        """End the dump; what was written of it goes with whoever writes it."""
        return await self._runner.end(job)

    async def _dumped(self, job: Job, storage: BackupStorage, told: TailedOutput) -> Outcome:
        settings = _settings(job)
        before, room, file = await asyncio.gather(
            before_of(self._known, job), storage.room(), self._file(job, settings)
        )
        made = dump_job(job.target, _dump(job), job.run, job.attempt, before)
        # There is no telling how large the first one gets; the vault then stops before its disk is full.
        if room is not None and room < before.bytes * 1.25:
            needed = round(before.bytes * 1.25)
            return impossible(Stage.SPACE, f"{storage.place} has room for {room} bytes, and {needed} are needed")
        async with storage.begin_upload(file) as draft:
            carrying = self._take(job, settings, draft)
            outcome, taken = await side_by_side(self._runner, job, made.script, dict(made.files), told, carrying)
            if taken is None:
                return _judged(outcome, told, job)
            said = await self._said(job)
            if said.get("sha256") != taken.sha256:
                return impossible(Stage.CHECKSUM, "what came is not what the host sent")
            if f"{said.get('file')}" != file.removesuffix(_AGE):
                return impossible(Stage.MANIFEST, f"the host packed it into {said.get('file')!r}, and not {file!r}")
            await draft.keep()
        return await self._finished(storage, _manifest(said, file, taken, settings), before)

    async def _take(self, job: Job, settings: Backups, draft: PendingUpload) -> _Taken:
        came = stored = Counted()
        async with self._pipes.receive(job, pipe_of(_dump(job), job.attempt)) as chunks:
            passing: AsyncGenerator[bytes, None] = came.counting(chunks)
            if settings.encrypt_to is not None:
                stored = Counted()
                passing = stored.counting(encrypted(passing, settings.encrypt_to))
            async with contextlib.aclosing(passing) as written:
                async for chunk in written:
                    await draft.write(chunk)
        return _Taken(came.sha256, stored.sha256, stored.bytes)

    async def _file(self, job: Job, settings: Backups) -> str:
        """Name the file before there is a dump: the host packs with the best it has."""
        answer = await self._reader.read(job.place, _HAS_ZSTD, _QUICK)
        packed = dump_files(_dump(job).backup)[0 if answer.exit_status == 0 else 1]
        return packed if settings.encrypt_to is None else f"{packed}{_AGE}"

    async def _said(self, job: Job) -> dict[str, Any]:
        """Read what the host says of what it sent.

        Raises:
            ValueError: nothing that can be read.
        """
        said = json.loads(await self._pipes.note(job, manifest_of_stream(_dump(job), job.attempt)))
        if not isinstance(said, dict):
            raise ValueError("the host's manifest is none")  # noqa: TRY004 - what a file says is a value
        return said

    async def _finished(self, storage: BackupStorage, text: bytes, before: Before) -> Outcome:
        """Read back what the vault has; with the manifest it becomes a backup."""
        manifest = parse_manifest(text)
        try:
            if await remote_sha256(storage, manifest.file) != manifest.sha256:
                await storage.remove((manifest.file,))
                return impossible(Stage.READ_BACK, f"{storage.place} does not give back what was written to it")
            await storage.put(manifest_file(manifest.backup), text)
        except RefusedError:
            with contextlib.suppress(RefusedError):
                await storage.remove((manifest.file,))
            raise
        found = await find_remote(storage, manifest.backup)
        if found.presence is not Presence.WHOLE or found.manifest is None:
            return impossible(Stage.READ_BACK, found.detail or found.presence.value)
        return Done(backup_facts(found, storage.place, before))


def _manifest(said: dict[str, Any], file: str, taken: _Taken, settings: Backups) -> bytes:
    """Write the manifest: what the host says of the dump, and what the vault has of it."""
    ours: dict[str, Any] = {"file": file, "bytes": taken.stored_bytes, "sha256": taken.stored}
    if settings.encrypt_to is not None:
        ours |= {"encrypted_to": settings.encrypt_to, "packed_sha256": taken.sha256}
    # What a proof finds out stands at the end, where it is replaced.
    proof = {"proof": said.get("proof", "")}
    told = {name: value for name, value in said.items() if name not in {*ours, *proof}}
    return (json.dumps({**told, **ours, **proof}, indent=2, ensure_ascii=False) + "\n").encode()


def _judged(outcome: Outcome, told: TailedOutput, job: Job) -> Outcome:
    if isinstance(outcome, Failed):
        stage = failed_stage(outcome.exit_status)
        if stage is not None:
            return replace(impossible(stage, masked(told.last_lines(), job)), exit_status=outcome.exit_status)
    return outcome


def _dump(job: Job) -> Dump:
    if not isinstance(job.step.act, Dump):
        raise TypeError(f"not a step for this performer: {job.step.act!r}")
    return job.step.act


def _settings(job: Job) -> Backups:
    if job.target.backups is None:
        raise ValueError("the target has no place for backups")
    return job.target.backups
