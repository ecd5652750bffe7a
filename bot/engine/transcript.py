"""What a step prints, on its way into the store: masked, bounded in memory and in the store, with exact offsets."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from bot.domain.run import StepRow
from bot.domain.secrets import Masker
from bot.engine.ports import Chunk, Clock, Lease, RunStore, StepIs

HEAD_BYTES = 256 * 1024
"""So much of the beginning is kept, and as much of the end; the whole is on the host."""

TAIL_BYTES = 256 * 1024

_LONGEST_LINE = 64 * 1024
"""A line is masked whole; one that is longer is cut here."""

_SHOWN_BYTES = 2000
"""So much of the end is part of the run's snapshot, for the progress message."""

_PERIOD = timedelta(seconds=1)


class Transcript:
    """Takes in the output of one step at one place (`bot.engine.ports.Output`).

    Args:
        store: where it is kept.
        lease: of the run.
        row: of the step, in state `running`; `row` is the current one afterwards.
        masker: of the installation's secrets.
        clock: for the pace of writing.
    """

    def __init__(self, store: RunStore, lease: Lease, row: StepRow, masker: Masker, clock: Clock) -> None:
        self.row = row
        self._store = store
        self._lease = lease
        self._masker = masker
        self._clock = clock
        self._next = row.offset
        self._partial = b""
        self._head_left = max(0, HEAD_BYTES - row.offset)
        self._head = bytearray()
        self._head_offset = row.offset
        self._tail = bytearray()
        self._shown = row.tail.encode()
        self._written_at: datetime | None = None

    async def begun(self) -> None:
        """Commit that the host has claimed the step: from here on it is never started again."""
        if not self.row.begun:
            self.row = replace(self.row, begun=True)
            await self._store.write(self._lease, (StepIs(self.row),))

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
            end = len(self._partial)
        if end:
            lines, self._partial = self._partial[:end], self._partial[end:]
            self._keep(lines)
        now = self._clock.now()
        if self._written_at is None or now - self._written_at >= _PERIOD:
            self._written_at = now
            await self.flush()

    async def finish(self) -> StepRow:
        """Take in what is left and give the step's row, not yet written."""
        if self._partial:
            lines, self._partial = self._partial, b""
            self._keep(lines)
        await self._flush_output()
        return self.row

    async def flush(self) -> None:
        """Commit what was taken in: the kept output first, then the offset that says so."""
        await self._flush_output()
        await self._store.write(self._lease, (StepIs(self.row),))

    def _keep(self, lines: bytes) -> None:
        masked = self._masker.mask_bytes(lines)
        if self._head_left > 0:
            self._head += masked
            self._head_left -= len(masked)
        else:
            self._tail += masked
            del self._tail[: max(0, len(self._tail) - TAIL_BYTES)]
        self._shown = (self._shown + masked)[-_SHOWN_BYTES:]

    async def _flush_output(self) -> None:
        row = self.row
        taken = self._next - len(self._partial)
        if self._head:
            chunk = Chunk(row.key, row.place, row.attempt, self._head_offset, bytes(self._head))
            await self._store.keep_output(self._lease, chunk)
            self._head.clear()
        self._head_offset = taken
        if self._tail:
            offset = max(HEAD_BYTES, taken - len(self._tail))
            await self._store.keep_tail(self._lease, Chunk(row.key, row.place, row.attempt, offset, bytes(self._tail)))
        self.row = replace(row, offset=taken, tail=self._shown.decode(errors="replace"))
