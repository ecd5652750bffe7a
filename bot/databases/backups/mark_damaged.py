"""What was found to be no longer the file that was made is never called proven again, wherever it is shown."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import structlog

from bot.databases.backups.catalog import BackupCatalog
from bot.databases.backups.host_catalog import Presence
from bot.databases.backups.remote_catalog import manifest_file
from bot.databases.backups.restore_script import Stage
from bot.databases.ports import BackupReader
from bot.domain.backups.backup import Proof
from bot.domain.errors import Reason, RefusedError
from bot.domain.runs.acts import Load, Prove
from bot.domain.targets.target import Target
from bot.engine.ports import Effect, Ending, Failed, Job, Outcome, Output, Performer

_log = structlog.get_logger()

_OF_THE_PROOF = ("proof", "proven_at", "moving", "restore_seconds", "why")
"""Keys at the end of a manifest, where a proof replaces them (record.sh)."""


class Condemning:
    """Writes into a backup's manifest that its file differs, where a step that reads it said so. Is a `Performer`.

    What was read only once may have been read badly: the file is read again before it is written down.

    Args:
        performer: of steps that prove or load a backup.
        catalog: reads the file again.
        backup_reader: gives where the backups of a target lie; raises `RefusedError` where there is no such place.
    """

    def __init__(
        self, performer: Performer, catalog: BackupCatalog, backup_reader: Callable[[Target], BackupReader]
    ) -> None:
        self._performer = performer
        self._catalog = catalog
        self._holding = backup_reader

    async def perform(self, job: Job, output: Output) -> Outcome:
        """Hand it over, and take note of a file that differs."""
        return await self._noted(job, await self._performer.perform(job, output))

    async def resume(self, job: Job, output: Output) -> Outcome:
        """Hand it over, and take note of a file that differs."""
        return await self._noted(job, await self._performer.resume(job, output))

    async def check(self, job: Job) -> Effect:
        """Hand it over."""
        return await self._performer.check(job)

    async def end(self, job: Job) -> Ending:
        """Hand it over."""
        return await self._performer.end(job)

    async def _noted(self, job: Job, outcome: Outcome) -> Outcome:
        act = job.step.act
        if isinstance(act, Prove | Load) and _is_about_the_file(outcome):
            try:
                await self._note(job, act.backup)
            except (RefusedError, ValueError):
                # The next one who reads the file finds it out too.
                _log.warning("not_condemned", backup=act.backup, exc_info=True)
        return outcome

    async def _note(self, job: Job, backup: str) -> None:
        found = await self._catalog.whole(job.target, backup)
        if found.presence is not Presence.DAMAGED or found.manifest is None or found.manifest.backup != backup:
            return
        storage = self._holding(job.target)
        text = await storage.get(manifest_file(backup))
        if text is not None:
            await storage.put(manifest_file(backup), damaged(text, found.detail, datetime.now(UTC)))


def damaged(manifest: bytes, why: str, now: datetime) -> bytes:
    """Write into a manifest that its file is not the one that was made. Pure.

    Args:
        manifest: the file's content.
        why: for whoever reads it.
        now: with a time zone.

    Raises:
        ValueError: it is no manifest.
    """
    said = json.loads(manifest)
    if not isinstance(said, dict):
        raise ValueError("a manifest is a JSON object")  # noqa: TRY004 - what is in a file is a value, not a type
    kept: dict[str, Any] = {name: value for name, value in said.items() if name not in _OF_THE_PROOF}
    at = now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    took = {name: said[name] for name in ("moving", "restore_seconds") if name in said}
    found = {"proof": Proof.DAMAGED.value, "proven_at": at, **took, "why": why}
    return (json.dumps({**kept, **found}, indent=2, ensure_ascii=False) + "\n").encode()


def _is_about_the_file(outcome: Outcome) -> bool:
    if not isinstance(outcome, Failed) or outcome.problem.reason is not Reason.NOT_RESTORABLE:
        return False
    return outcome.problem.facts.get("stage") == Stage.FILE.value
