"""The ports and settings of the engine, built once by the composition root."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from bot.domain.names import TargetName
from bot.domain.runs.acts import Act
from bot.domain.runs.planner import Planner
from bot.domain.runs.request import RequestOptions
from bot.domain.secrets import Masker
from bot.domain.targets.target import Operations
from bot.engine.phases.reading_times import OpenGates
from bot.engine.ports import (
    Branches,
    Channels,
    Clock,
    Directory,
    Performer,
    ReactionReader,
    RunObserver,
    SignatureVerifier,
    StatusReader,
    TargetReader,
    WatchReader,
)
from bot.engine.stores import (
    CancelRequestStore,
    HistoryStore,
    LeaseStore,
    LockStore,
    OverviewStore,
    RunStore,
)


@dataclass(frozen=True)
class EngineContext:
    """The ports and settings of the engine.

    Args:
        runs: the stored runs.
        leases: the leases on them.
        overviews: the state of targets, from the store.
        locks: on targets.
        cancel_requests: the cancellations requested on the console.
        history: for records that belong to no change of a run.
        operations: the operations file.
        recipes: SHA-256 of each target's recipe.
        planner_for: gives what plans a request; None for one that makes no run, or whose run does nothing.
        status: reads the state of migrations.
        performers: by the class of act that they perform.
        target_reader: reads targets.
        branches: reads branches at origin.
        reaction_reader: reads the current reactions.
        directory: looks up users and members of groups.
        channels: knows in which channels runs can be told.
        run_observer: is called after each change of a run.
        clock: the time.
        masker: of the installation's secrets.
        owner: the name under which this process claims runs.
        signature_verifier: checks signatures of plans.
        open_gates: at which this process waits.
        watch_reader: looks at what is watched after a change.
    """

    runs: RunStore
    leases: LeaseStore
    overviews: OverviewStore
    locks: LockStore
    cancel_requests: CancelRequestStore
    history: HistoryStore
    operations: Operations
    recipes: Mapping[TargetName, str]
    planner_for: Callable[[RequestOptions], Planner | None]
    status: StatusReader
    performers: Mapping[type[Act], Performer]
    target_reader: TargetReader
    branches: Branches
    reaction_reader: ReactionReader
    directory: Directory
    channels: Channels
    run_observer: RunObserver
    clock: Clock
    masker: Masker
    owner: str
    signature_verifier: SignatureVerifier
    open_gates: OpenGates = field(default_factory=OpenGates)
    watch_reader: WatchReader | None = None
