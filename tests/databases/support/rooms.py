"""Backups kept elsewhere than on their host: what makes, proves and loads them, and where they lie."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bot.databases.backups.access import BackupAccess
from bot.databases.backups.dump import DumpPerformer
from bot.databases.backups.dump_context import dump_context_reader
from bot.databases.backups.restore import LoadPerformer
from bot.databases.backups.verify import ProvePerformer
from bot.databases.ports import BackupStorage
from bot.domain.runs.acts import Dump, Load, ProofServer, Prove
from bot.domain.runs.plan import Phase, Risk, Step
from bot.domain.targets.look import AppliedMigration
from bot.domain.targets.target import Backups, Target
from bot.engine.ports import Done, Job, Outcome
from bot.hosts.connections import Connections
from bot.hosts.pipes import Pipes
from bot.hosts.runner import Runner
from tests.databases.support.local import KeptOutput, prover

BACKUP = "B-20261116-7K3F9Q"
FILE = f"{BACKUP}.sql.zst"
_runs = itertools.count(1)


@dataclass
class Room:
    """What makes, proves and loads backups of one target, and where they lie."""

    hosts: Connections
    target: Target

    def __post_init__(self) -> None:
        self.pipes = Pipes(self.hosts)
        self.runner = Runner(self.hosts)
        self.access = BackupAccess(self.runner, self.hosts, self.pipes)
        self.storages, self.catalog = self.access.storages, self.access.catalog

    def keeping(self, backups: Backups) -> Room:
        """The same, with its backups kept otherwise."""
        return Room(self.hosts, replace(self.target, backups=backups))

    @property
    def storage(self) -> BackupStorage:
        """Where the target's backups lie."""
        storage = self.storages.remote(self.target)
        assert storage is not None
        return storage

    @property
    def dumping(self) -> DumpPerformer:
        """Performer of dumps, which knows of one migration and one counter."""

        async def ran(_: Target) -> tuple[AppliedMigration, ...]:
            return (AppliedMigration("2025_01_01_000000_first", 1),)

        async def counters(_: Target) -> dict[str, int]:
            return {"people": 3}

        known = dump_context_reader(self.catalog, ran, counters)
        return DumpPerformer(self.access, known)

    @property
    def proving(self) -> ProvePerformer:
        """Performer of proofs."""
        return prover(self.access)

    @property
    def loading(self) -> LoadPerformer:
        """Performer of loads."""
        return LoadPerformer(self.access)

    def job(self, act: Dump | Prove | Load, run: str = "", attempt: int = 1) -> Job:
        """A step of a run of its own, unless the run is said."""
        key = {Dump: "backup", Prove: "backup-proof", Load: "restore-load"}[type(act)]
        step = Step(key, key, Phase.CHANGE, ("web1",), Risk.READS, 60, act)
        return Job(run or f"R-VAULT{next(_runs)}", 1, step, "web1", attempt, self.target)

    def beside(self, kind: str) -> str:
        """Name of a database beside the target's own."""
        assert self.target.database is not None
        return f"{self.target.database.name}_countersign_{kind}_7k3f9q"

    async def dumped(self, backup: str = BACKUP) -> dict[str, str]:
        """Make a backup, which has to succeed, and give its facts."""
        output = KeptOutput()
        outcome = await self.dumping.perform(self.job(Dump(backup)), output)
        assert isinstance(outcome, Done), (outcome, output.text)
        return dict(outcome.facts)

    async def proved(self) -> Outcome:
        """Prove the backup."""
        return await self.proving.perform(self.job(Prove(BACKUP, self.beside("proof"))), KeptOutput())

    async def proved_privately(self, *, or_beside: bool = False) -> Outcome:
        """Prove the backup in a private server; where that cannot be, perhaps beside the live database."""
        act = Prove(BACKUP, self.beside("proof") if or_beside else None, ProofServer.PRIVATE)
        return await self.proving.perform(self.job(act), KeptOutput())

    async def manifest(self) -> dict[str, Any]:
        """Content of the backup's manifest, as it is kept."""
        return dict(json.loads(await self.storages.reader(self.target).get(f"{BACKUP}.json") or b"{}"))


def folder_of(room: Room) -> Path:
    """Where a room's backups lie, if that is a folder."""
    return Path(room.storage.place)


async def kept_in(room: Room) -> list[str]:
    """Names of the files that a room keeps."""
    return sorted(await room.storages.reader(room.target).sizes())
