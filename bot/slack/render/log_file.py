"""The log of a run as a text file, with a heading for each step."""

from __future__ import annotations

from collections.abc import Iterator

from bot.domain.runs.plan import BOT
from bot.domain.runs.run import Run
from bot.domain.secrets import Masker
from bot.engine.run_changes import Chunk
from bot.slack.render.text import Translator

MAX_BYTES = 8 * 1024 * 1024


def file_name(run: str) -> str:
    """Return the name of a run's log file."""
    return f"{run}.log"


def log_text(run: Run, chunks: tuple[Chunk, ...], masker: Masker, translator: Translator) -> str:
    """Build the text of the log.

    Args:
        run: for the titles of its steps.
        chunks: the stored output, by step, place, attempt and offset.
        masker: masks secrets in everything that leaves the program.
        translator: for headings and gaps.

    Returns:
        At most `MAX_BYTES`, then a last line that it was cut.
    """
    parts: list[str] = []
    used = 0
    for part in _parts(run, chunks, masker, translator):
        used += len(part.encode())
        if used > MAX_BYTES:
            parts.append(f"\n{translator.translate('log.cut', run=run.id)}\n")
            break
        parts.append(part)
    return "".join(parts).lstrip("\n")


def tail_text(chunks: tuple[Chunk, ...], masker: Masker, most_lines: int) -> str:
    """Return the last lines of the stored output."""
    if not chunks:
        return ""
    last = chunks[-1]
    same = [chunk for chunk in chunks[-3:] if (chunk.key, chunk.place, chunk.attempt) == _step_of(last)]
    text = masker.mask(b"".join(chunk.data for chunk in same).decode(errors="replace"))
    return "\n".join(text.splitlines()[-most_lines:])


def _step_of(chunk: Chunk) -> tuple[str, str, int]:
    return (chunk.key, chunk.place, chunk.attempt)


def _parts(run: Run, chunks: tuple[Chunk, ...], masker: Masker, translator: Translator) -> Iterator[str]:
    titles = {row.key: translator.phrase(row.title) for row in run.steps}
    order = {key: index for index, key in enumerate(run.step_order)}
    before: tuple[str, str, int] | None = None
    end = 0
    for chunk in sorted(
        chunks, key=lambda item: (order.get(item.key, len(order)), item.place, item.attempt, item.offset)
    ):
        if _step_of(chunk) != before:
            before, end = _step_of(chunk), 0
            yield _heading(titles.get(chunk.key, chunk.key), chunk, translator)
        if chunk.offset > end:
            yield f"\n{translator.translate('log.gap', n=str(chunk.offset - end))}\n"
        data = chunk.data[max(end - chunk.offset, 0) :]
        end = max(end, chunk.offset + len(chunk.data))
        yield masker.mask(data.decode(errors="replace"))


def _heading(title: str, chunk: Chunk, translator: Translator) -> str:
    words = translator.plain(
        "log.heading",
        title=title,
        place="" if chunk.place == BOT else chunk.place,
        attempt=str(chunk.attempt) if chunk.attempt > 1 else "",
    )
    return f"\n══ {words} ══\n"
