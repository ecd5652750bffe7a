"""File systems that are really full."""

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest


@contextlib.contextmanager
def small_disk(place: Path, megabytes: int) -> Iterator[Path]:
    """Put a file system of its own at a place, with what was there.

    Args:
        place: an existing folder; its content is on the small file system meanwhile.
        megabytes: its size.

    Yields:
        The place.
    """
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0755", "tmpfs", str(place)]
    aside = place.with_name(f"{place.name}.aside")
    place.rename(aside)
    place.mkdir()
    try:
        if subprocess.run(mount, capture_output=True).returncode != 0:
            pytest.skip("only root may mount a file system")
        try:
            shutil.copytree(aside, place, symlinks=True, dirs_exist_ok=True)
            yield place
        finally:
            subprocess.run(["umount", "--lazy", str(place)], check=True)
    finally:
        place.rmdir()
        aside.rename(place)


def fill(disk: Path) -> Path:
    """Write to a file system until it takes nothing more.

    Args:
        disk: a folder on it.

    Returns:
        The file that fills it.
    """
    filler = disk / ".filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as stream:
        for length in (1 << 20, 4096, 1):
            with contextlib.suppress(OSError):
                while stream.write(b"\0" * length) == length:
                    pass
    return filler
