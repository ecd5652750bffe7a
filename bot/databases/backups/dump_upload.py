"""Uploading a dump to a storage while its host makes it, so that the host's disk holds nothing of it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

from bot.databases.backups.access import BackupAccess
from bot.databases.backups.byte_counter import ByteCounter
from bot.databases.backups.dump_script import DumpStage, dump_pipe, dump_problem, streamed_manifest_file
from bot.databases.backups.encryption import encrypted
from bot.databases.backups.host_script import HostScript
from bot.databases.backups.manifest import Manifest, dump_files, parse_manifest
from bot.databases.backups.relay import run_with_transfer
from bot.databases.backups.remote_catalog import manifest_file, remote_sha256
from bot.databases.backups.script_step import act_of
from bot.databases.ports import BackupStorage, PendingUpload
from bot.domain.errors import RefusedError
from bot.domain.runs.acts import Dump
from bot.domain.shell import syntax
from bot.engine.ports import Done, Job, Outcome, Output

_HAS_ZSTD = syntax("command -v zstd >/dev/null 2>&1")
_TIMEOUT = 30.0
_AGE = ".age"


@dataclass(frozen=True)
class _Upload:
    """Checksums of an upload.

    Args:
        sha256: of what arrived from the host.
        stored_sha256: of what was written to the storage, which may be encrypted.
        stored_bytes: how many those were.
    """

    sha256: str
    stored_sha256: str
    stored_bytes: int


async def upload_dump(
    access: BackupAccess, job: Job, storage: BackupStorage, script: HostScript, output: Output
) -> Outcome:
    """Run the script of a dump, upload what it writes, verify it at both ends, and write the manifest.

    Args:
        access: to the host.
        job: the step.
        storage: receives the dump; it has no file of this backup.
        script: writes the dump to its pipe.
        output: receives what the script prints.

    Returns:
        `Done` once the storage holds the backup; otherwise the outcome of the script.

    Raises:
        RefusedError: `backup_impossible`, what was written is not what the host sent; or a reason of the
            storage or the host.
        ValueError: the host's manifest cannot be read.
    """
    act, recipient = act_of(job, Dump), None if job.target.backups is None else job.target.backups.encrypt_to
    file = await _file_name(access, job, act, recipient)
    async with storage.begin_upload(file) as upload:
        transfer = _receive(access, job, act, recipient, upload)
        outcome, uploaded = await run_with_transfer(access.runner, job, script, output, transfer)
        if uploaded is None:
            return outcome
        manifest = _parse_object(await access.pipes.note(job, streamed_manifest_file(act, job.attempt)))
        if manifest.get("sha256") != uploaded.sha256:
            raise RefusedError(dump_problem(DumpStage.CHECKSUM, "what came is not what the host sent"))
        packed = file.removesuffix(_AGE)
        if manifest.get("file") != packed:
            detail = f"the host packed it into {manifest.get('file')!r}, and not {file!r}"
            raise RefusedError(dump_problem(DumpStage.MANIFEST, detail))
        await upload.commit()
    await _publish(storage, _completed(manifest, file, uploaded, recipient))
    return Done()


async def _receive(access: BackupAccess, job: Job, dump: Dump, recipient: str | None, upload: PendingUpload) -> _Upload:
    received = stored = ByteCounter()
    async with access.pipes.receive(job, dump_pipe(dump, job.attempt)) as chunks:
        passing: AsyncGenerator[bytes, None] = received.count(chunks)
        if recipient is not None:
            stored = ByteCounter()
            passing = stored.count(encrypted(passing, recipient))
        async with contextlib.aclosing(passing):
            async for chunk in passing:
                await upload.write(chunk)
    return _Upload(received.sha256, stored.sha256, stored.bytes)


async def _file_name(access: BackupAccess, job: Job, dump: Dump, recipient: str | None) -> str:
    """Name the file before there is a dump: a host packs with the best program it has."""
    answer = await access.reader.read(job.place, _HAS_ZSTD, _TIMEOUT)
    packed = dump_files(dump.backup)[0 if answer.exit_status == 0 else 1]
    return packed if recipient is None else f"{packed}{_AGE}"


async def _publish(storage: BackupStorage, manifest: bytes) -> None:
    """Read back the uploaded file, and write the manifest that makes it a backup."""
    parsed = parse_manifest(manifest)
    try:
        await _verify(storage, parsed)
        await storage.put(manifest_file(parsed.backup), manifest)
    except RefusedError:
        with contextlib.suppress(RefusedError):
            await storage.remove((parsed.file,))
        raise


async def _verify(storage: BackupStorage, manifest: Manifest) -> None:
    if await remote_sha256(storage, manifest.file) != manifest.sha256:
        detail = f"{storage.place} does not give back what was written to it"
        raise RefusedError(dump_problem(DumpStage.READ_BACK, detail))


def _parse_object(text: bytes) -> dict[str, Any]:
    parsed = json.loads(text)
    if not isinstance(parsed, dict):
        raise ValueError("the host's manifest is none")  # noqa: TRY004 - what a file says is a value
    return parsed


def _completed(manifest: dict[str, Any], file: str, uploaded: _Upload, recipient: str | None) -> bytes:
    """Add to the host's manifest what the storage holds."""
    stored: dict[str, Any] = {"file": file, "bytes": uploaded.stored_bytes, "sha256": uploaded.stored_sha256}
    if recipient is not None:
        stored |= {"encrypted_to": recipient, "packed_sha256": uploaded.sha256}
    # A proof replaces what stands at the end.
    proof = {"proof": manifest.get("proof", "")}
    rest = {name: value for name, value in manifest.items() if name not in {*stored, *proof}}
    return (json.dumps({**rest, **stored, **proof}, indent=2, ensure_ascii=False) + "\n").encode()
