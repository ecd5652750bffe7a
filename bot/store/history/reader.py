"""The history as `store.history`."""

from __future__ import annotations

from bot.store.history import log, stored_runs
from bot.store.operations import StoreOperations, read, write


class HistoryReader(StoreOperations):
    """Reads the history."""

    all = read(log.all_records)
    of_run = read(log.of_run)
    page_after = read(log.page_after)
    head = read(log.head)
    result_of = read(log.result_of)
    sequence_before = read(log.sequence_before)
    stored_runs_after = read(stored_runs.stored_runs_after)
    missing_runs = read(stored_runs.missing_runs)


class HistoryWriter(HistoryReader):
    """Reads the history, and appends records that belong to no change of a run."""

    append = write(log.append)
