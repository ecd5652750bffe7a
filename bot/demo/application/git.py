"""Git for the demonstration: identical commits each time, untouched by anybody's own configuration."""

import asyncio
import os
from datetime import datetime
from pathlib import Path

from bot.demo.errors import DemoError

_AUTHOR = "Amélie"
_EMAIL = "amelie@example.com"


def environment(when: datetime | None = None) -> dict[str, str]:
    """Variables for git: no configuration but the repository's, and a fixed author and time.

    Args:
        when: the time of commits; now if None.
    """
    variables = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": "/nonexistent",
        "LANG": "C.UTF-8",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_AUTHOR_NAME": _AUTHOR,
        "GIT_AUTHOR_EMAIL": _EMAIL,
        "GIT_COMMITTER_NAME": _AUTHOR,
        "GIT_COMMITTER_EMAIL": _EMAIL,
    }
    if when is not None:
        variables["GIT_AUTHOR_DATE"] = variables["GIT_COMMITTER_DATE"] = when.isoformat()
    return variables


async def git(folder: Path, *words: str, when: datetime | None = None) -> str:
    """Run git.

    Args:
        folder: the repository or work tree.
        words: git's arguments.
        when: the time of a commit that it makes; now if None.

    Returns:
        Its output, without the last line end.

    Raises:
        DemoError: it failed.
    """
    process = await asyncio.create_subprocess_exec(
        "git",
        *words,
        cwd=folder,
        env=environment(when),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await process.communicate()
    if process.returncode != 0:
        raise DemoError(f"git {' '.join(words)} in {folder} failed: {errors.decode(errors='replace').strip()}")
    return output.decode(errors="replace").rstrip("\n")
