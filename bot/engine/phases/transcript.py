"""What a step prints, on its way into the store: masked, bounded in memory and in the store, with exact offsets."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace

from bot.domain.runs.run import StepRow
from bot.domain.secrets import Masker
from bot.engine.run_changes import Change, Chunk, Printed, RunLease, StepIs, TailIs
from bot.engine.stores import RunStore

HEAD_BYTES = 256 * 1024
"""So much of the beginning is kept, and as much of the end; the whole is on the host."""

TAIL_BYTES = 256 * 1024

_LONGEST_LINE = 64 * 1024
"""Bytes from which a line is taken in by pieces; none of them ends inside of a secret."""

_SHOWN_BYTES = 2000
"""So much of the end is part of the run's snapshot, for the progress message."""

_PERIOD = 1.0
"""Seconds at most from taking output in to committing it."""


class Transcript:
    """Takes in the output of one step at one place (`bot.engine.ports.Output`).

    Args:
        store: where it is kept.
        lease: of the run.
        row: of the step, in state `running`; `row` is the current one afterwards.
        masker: of the installation's secrets.
    """

    def __init__(self, store: RunStore, lease: RunLease, row: StepRow, masker: Masker) -> None:
        self.row = row
        self._store = store
        self._lease = lease
        self._masker = masker
        self._next = row.offset
        self._partial = b""
        self._head_left = max(0, HEAD_BYTES - row.offset)
        self._head = bytearray()
        self._head_offset = row.offset
        self._tail = bytearray()
        self._shown = row.tail.encode()
        self._over = asyncio.Event()
        self._writing: asyncio.Task[None] | None = None

    async def begun(self) -> None:
        """Commit that the host has claimed the step: from here on it is never started again."""
        if not self.row.begun:
            self.row = replace(self.row, begun=True)
            await self._store.record(self._lease, (StepIs(self.row),))

    async def write(self, offset: int, chunk: bytes) -> None:
        """Take in output.

        Args:
            offset: of the chunk's first byte; what was taken in before is passed over.
            chunk: raw bytes.
        """
        seen = self._next - offset
        if seen >= len(chunk):
            return
        fresh = chunk[max(0, seen) :]
        self._next += len(fresh)
        self._partial += fresh
        end = self._partial.rfind(b"\n") + 1
        if not end and len(self._partial) > _LONGEST_LINE:
            end = self._masker.safe_cut(self._partial)
        if end:
            lines, self._partial = self._partial[:end], self._partial[end:]
            self._keep(lines)
        if self._writing is not None and self._writing.done():
            self._writing.result()
            self._writing = None
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_soon())

    async def finish(self) -> tuple[Change, ...]:
        """Take in what is left.

        Returns:
            What was not committed yet, for the commit that says how the step ended; `row` is current.
        """
        self._over.set()
        if self._writing is not None:
            await self._writing
        if self._partial:
            lines, self._partial = self._partial, b""
            self._keep(lines)
        return self._taken_in()

    def close(self) -> None:
        """Commit nothing more, where the step is left as it is."""
        if self._writing is not None and not self._writing.cancel() and not self._writing.cancelled():
            self._writing.exception()  # told already, or nobody is left to tell

    async def _write_soon(self) -> None:
        """Commit what was taken in, after the period; at the end of the step that is left to who finishes."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_PERIOD):
                await self._over.wait()
        if not self._over.is_set():
            changes = self._taken_in()
            await self._store.record(self._lease, (*changes, StepIs(self.row)))

    def _keep(self, lines: bytes) -> None:
        masked = self._masker.mask_bytes(lines)
        if self._head_left > 0:
            self._head += masked
            self._head_left -= len(masked)
        else:
            self._tail += masked
            del self._tail[: max(0, len(self._tail) - TAIL_BYTES)]
        self._shown = (self._shown + masked)[-_SHOWN_BYTES:]

    def _taken_in(self) -> tuple[Change, ...]:
        """Give the output that is to be kept, and bring the row to the offset that says so."""
        row = self.row
        taken = self._next - len(self._partial)
        changes: list[Change] = []
        if self._head:
            chunk = Chunk(row.key, row.place, row.attempt, self._head_offset, bytes(self._head))
            changes.append(Printed(chunk))
            self._head.clear()
        self._head_offset = taken
        if self._tail:
            offset = max(HEAD_BYTES, taken - len(self._tail))
            changes.append(TailIs(Chunk(row.key, row.place, row.attempt, offset, bytes(self._tail))))
        self.row = replace(row, offset=taken, tail=self._shown.decode(errors="replace"))
        return tuple(changes)
