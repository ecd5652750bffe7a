"""Marking a backup as damaged once its checksum no longer matches, so that it is never shown as proven again."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import structlog

from bot.databases.backups.access import BackupAccess
from bot.databases.backups.host_catalog import BackupState
from bot.databases.backups.remote_catalog import manifest_file
from bot.domain.backups.backup import Proof
from bot.domain.errors import RefusedError
from bot.domain.targets.target import Target

_log = structlog.get_logger()

_PROOF_KEYS = ("proof", "proven_at", "moving", "restore_seconds", "why")
"""Keys at the end of a manifest, where a proof replaces them (record.sh)."""


async def mark_if_damaged(access: BackupAccess, target: Target, backup: str) -> None:
    """Read a backup again, whole, and write into its manifest that its file differs, if it does.

    The second reading keeps a read error from condemning a good backup. A failure is only logged: the next reader of
    the file finds the damage too.

    Args:
        access: to backups.
        target: whose backup.
        backup: its ID.
    """
    try:
        found = await access.catalog.whole(target, backup)
        if found.state is not BackupState.DAMAGED or found.manifest is None or found.manifest.backup != backup:
            return
        storage = access.storages.reader(target)
        manifest = await storage.get(manifest_file(backup))
        if manifest is not None:
            await storage.put(manifest_file(backup), _damaged(manifest, found.detail, datetime.now(UTC)))
    except (RefusedError, ValueError):
        _log.warning("not_condemned", backup=backup, exc_info=True)


def _damaged(manifest: bytes, why: str, now: datetime) -> bytes:
    parsed = json.loads(manifest)
    if not isinstance(parsed, dict):
        raise ValueError("a manifest is a JSON object")  # noqa: TRY004 - what is in a file is a value, not a type
    rest: dict[str, Any] = {name: value for name, value in parsed.items() if name not in _PROOF_KEYS}
    at = now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    took = {name: parsed[name] for name in ("moving", "restore_seconds") if name in parsed}
    proof = {"proof": Proof.DAMAGED.value, "proven_at": at, **took, "why": why}
    return (json.dumps({**rest, **proof}, indent=2, ensure_ascii=False) + "\n").encode()
