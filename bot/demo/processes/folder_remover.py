"""Removes a folder when its owner goes away, in good order or killed.

Runs as a program of its own (standard library only, started with `python -I -S`):

    sweeper.py FOLDER

Standard input is a pipe whose other end only the owner holds; it closes when the owner lets go or is killed. Servers
that had the folder open may take a moment to end, so removal is tried until it lasts.
"""

import shutil
import sys
import time
from pathlib import Path

_PATIENCE = 15.0
"""Seconds after which a folder that keeps coming back is left alone."""


def sweep(folder: Path) -> bool:
    """Remove the folder for good.

    Args:
        folder: what to remove; not being there is fine.

    Returns:
        Whether it is gone and stayed gone for a moment.
    """
    deadline = time.monotonic() + _PATIENCE
    quiet = 0
    while quiet < 3 and time.monotonic() < deadline:
        if folder.exists():
            quiet = 0
            shutil.rmtree(folder, ignore_errors=True)
        else:
            quiet += 1
        time.sleep(0.05)
    return not folder.exists()


def main() -> int:
    """Wait for the end of standard input, then sweep; exit status 1 if something could not be removed."""
    folder = Path(sys.argv[1])
    while sys.stdin.buffer.read(4096):
        pass
    return 0 if sweep(folder) else 1


if __name__ == "__main__":
    sys.exit(main())
