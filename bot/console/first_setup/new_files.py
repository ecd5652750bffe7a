"""Writes new files: whole or not at all, all of them or none, and never over one that is there."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class NewFile:
    """A file to be written.

    Args:
        path: where.
        text: its content.
        mode: its permissions.
    """

    path: Path
    text: str
    mode: int


def existing(files: Sequence[Path]) -> tuple[Path, ...]:
    """Name the files that are there already, broken links included."""
    return tuple(file for file in files if file.is_symlink() or file.exists())


def write_new_files(files: Sequence[NewFile]) -> None:
    """Write all files.

    Args:
        files: in the order in which they appear.

    Raises:
        FileExistsError: one of them is there; none was written.
        OSError: one cannot be written; none was.
    """
    made: list[Path] = []
    with contextlib.ExitStack() as stack:
        hidden = [_hidden(file, stack) for file in files]
        try:
            for temporary, file in zip(hidden, files, strict=True):
                os.link(temporary, file.path)
                made.append(file.path)
        except OSError:
            for path in made:
                path.unlink()
            raise


def _hidden(file: NewFile, stack: contextlib.ExitStack) -> Path:
    """Write a file beside its place, under a name of its own."""
    path = file.path.with_name(f".{file.path.name}.{secrets.token_hex(6)}")
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, file.mode)
    stack.callback(path.unlink, missing_ok=True)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(file.text)
        stream.flush()
        os.fsync(stream.fileno())
    return path
