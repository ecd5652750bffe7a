"""Storing the output of a step: masked, bounded in memory and in the store, with exact offsets."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from bot.background import wait_for
from bot.domain.runs.run import StepRow
from bot.domain.secrets import Masker
from bot.engine.ports import Clock
from bot.engine.run_changes import Change, Chunk, Printed, RunLease, StepIs, TailIs
from bot.engine.stores import RunStore

HEAD_BYTES = 256 * 1024
"""Stored bytes of the beginning; the whole output is on the host."""

TAIL_BYTES = 256 * 1024
"""Stored bytes of the end."""

_MAX_LINE_BYTES = 64 * 1024
"""Bytes from which a line is split, never inside of a secret."""

_SHOWN_BYTES = 2000
"""Bytes of the end in the step's row, for the progress message."""

_COMMIT_SECONDS = 1.0
"""Maximum delay between receiving output and committing it."""


class Transcript:
    """Stores the output of one step at one place (`bot.engine.ports.Output`).

    Args:
        runs: where it is stored.
        lease: of the run.
        row: of the step, in state `running`; `row` is the current one afterwards.
        masker: of the installation's secrets.
        clock: the time.
    """

    def __init__(self, runs: RunStore, lease: RunLease, row: StepRow, masker: Masker, clock: Clock) -> None:
        self.row = row
        self._runs = runs
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
        self._ended = asyncio.Event()
        self._writing: asyncio.Task[None] | None = None

    async def begun(self) -> None:
        """Commit that the host has claimed the step, which is never started again."""
        if not self.row.begun:
            self.row = replace(self.row, begun=True)
            await self._runs.record(self._lease, (StepIs(self.row),))

    async def unreachable(self) -> None:
        """Commit since when the host of a step that has begun cannot be reached."""
        if self.row.begun and self.row.unreachable_since is None:
            self.row = self.row.lost_at(self._clock.now())
            await self._runs.record(self._lease, (StepIs(self.row),))

    async def reachable(self) -> None:
        """Commit that the host answers again."""
        if self.row.unreachable_since is not None:
            self.row = self.row.found()
            await self._runs.record(self._lease, (StepIs(self.row),))

    async def write(self, offset: int, chunk: bytes) -> None:
        """Store output soon.

        Args:
            offset: of the chunk's first byte; bytes that came before are skipped.
            chunk: raw bytes.
        """
        seen = self._next - offset
        if seen >= len(chunk):
            return
        fresh = chunk[max(0, seen) :]
        self._next += len(fresh)
        self._partial += fresh
        end = self._partial.rfind(b"\n") + 1
        if not end and len(self._partial) > _MAX_LINE_BYTES:
            end = self._masker.safe_cut(self._partial)
        if end:
            lines, self._partial = self._partial[:end], self._partial[end:]
            self._append(lines)
        if self._writing is not None and self._writing.done():
            self._writing.result()
            self._writing = None
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_soon())

    async def finish(self) -> tuple[Change, ...]:
        """End the transcript.

        Returns:
            The changes not committed yet, for the commit of the step's end; `row` is current.
        """
        self._ended.set()
        if self._writing is not None:
            await self._writing
        if self._partial:
            lines, self._partial = self._partial, b""
            self._append(lines)
        return self._pending_changes()

    def close(self) -> None:
        """Stop committing, where the step is left as it is."""
        if self._writing is not None and not self._writing.cancel() and not self._writing.cancelled():
            self._writing.exception()  # retrieved, so that asyncio does not log it

    async def _write_soon(self) -> None:
        """Commit what was received after a delay; at the end of the step `finish` gives it to the caller instead."""
        if not await wait_for(self._ended, _COMMIT_SECONDS):
            changes = self._pending_changes()
            await self._runs.record(self._lease, (*changes, StepIs(self.row)))

    def _append(self, lines: bytes) -> None:
        masked = self._masker.mask_bytes(lines)
        if self._head_left > 0:
            self._head += masked
            self._head_left -= len(masked)
        else:
            self._tail += masked
            del self._tail[: max(0, len(self._tail) - TAIL_BYTES)]
        self._shown = (self._shown + masked)[-_SHOWN_BYTES:]

    def _pending_changes(self) -> tuple[Change, ...]:
        """Give the output to commit, and set the row's offset to its end."""
        row = self.row
        end = self._next - len(self._partial)
        changes: list[Change] = []
        if self._head:
            chunk = Chunk(row.key, row.place, row.attempt, self._head_offset, bytes(self._head))
            changes.append(Printed(chunk))
            self._head.clear()
        self._head_offset = end
        if self._tail:
            offset = max(HEAD_BYTES, end - len(self._tail))
            changes.append(TailIs(Chunk(row.key, row.place, row.attempt, offset, bytes(self._tail))))
        self.row = replace(row, offset=end, tail=self._shown.decode(errors="replace"))
        return tuple(changes)
