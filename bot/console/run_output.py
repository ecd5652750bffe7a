"""Puts the stored pieces of a run's output together."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from bot.domain.runs.run import Run
from bot.domain.secrets import MASK
from bot.engine.run_changes import Chunk


@dataclass(frozen=True)
class StepOutput:
    """What one step printed at one place in one attempt.

    Args:
        key: of the step.
        title: of the step; its key where the run no longer has it.
        place: name of the host, or `-` for the bot itself.
        attempt: 1 for the first.
        state: of the step at that place, where this is its latest attempt; else empty.
        text: as stored; a line stands in for missing bytes.
        size: bytes of the whole output, as far as it is known.
        missing: bytes that are not kept here.
    """

    key: str
    title: str
    place: str
    attempt: int
    state: str
    text: str
    size: int
    missing: int


def assemble_output(run: Run, chunks: tuple[Chunk, ...]) -> tuple[StepOutput, ...]:
    """Put the pieces together, in the order of the run's steps.

    Args:
        run: whose output it is.
        chunks: as the store gives them.
    """
    positions = {key: index for index, key in enumerate(run.step_order)}

    def order(chunk: Chunk) -> tuple[int, str, str, int]:
        return positions.get(chunk.key, len(positions)), chunk.key, chunk.place, chunk.attempt

    ordered = sorted(chunks, key=lambda chunk: (order(chunk), chunk.offset))
    return tuple(_one(run, tuple(group)) for _, group in groupby(ordered, key=order))


def _one(run: Run, chunks: tuple[Chunk, ...]) -> StepOutput:
    first = chunks[0]
    row = next((row for row in run.rows(first.key) if row.place == first.place), None)
    latest = row is not None and row.attempt == first.attempt
    pieces: list[bytes] = []
    position = missing = 0
    for chunk in chunks:
        gap = chunk.offset - position
        if gap > _masked_away(pieces):
            missing += gap
            pieces.append(f"… {gap:,} bytes are not kept here; they are in the journal on the host …\n".encode())
        pieces.append(_without_overlap(pieces, chunk.data, -gap))
        position = max(position, chunk.offset + len(chunk.data))
    return StepOutput(
        key=first.key,
        title=row.title if row is not None else first.key,
        place=first.place,
        attempt=first.attempt,
        state=row.state.value if row is not None and latest else "",
        text=b"".join(pieces).decode(errors="replace"),
        size=max(position, row.offset if row is not None and latest else 0),
        missing=missing,
    )


_LONGEST_SECRET = 200


def _masked_away(pieces: list[bytes]) -> int:
    """Largest gap that masking explains: offsets count what the host printed, and `***` is shorter than a secret."""
    return _LONGEST_SECRET * pieces[-1].count(MASK.encode()) if pieces else 0


def _without_overlap(pieces: list[bytes], data: bytes, overlap: int) -> bytes:
    """Cut what the tail repeats: it moves along, so it may begin within the piece before it."""
    if overlap > 0 and pieces and pieces[-1].endswith(data[:overlap]):
        return data[overlap:]
    return data
