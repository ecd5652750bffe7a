"""A checkout that is one commit behind its origin: there is something to deploy, for ever if nobody checks it out."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

from bot.demo.application.git import git


async def new_checkout(place: Path) -> Path:
    """Make one below a folder that does not exist yet."""
    origin, author, checkout = place / "origin.git", place / "author", place / "app"
    await asyncio.to_thread(place.mkdir)
    await git(place, "init", "--quiet", "--bare", "--initial-branch=main", str(origin))
    await git(place, "clone", "--quiet", str(origin), str(author))
    for name in ("one", "two"):
        (author / name).write_text(name)
        await git(author, "add", name)
        await git(author, "commit", "--quiet", "-m", name)
        await git(author, "push", "--quiet", "origin", "HEAD:main")
        if not checkout.exists():
            await git(place, "clone", "--quiet", "--branch", "main", str(origin), str(checkout))
    return checkout


async def copied(checkout: Path, name: str) -> Path:
    """Copy a checkout; give the path of the copy, beside it."""
    copy = checkout.with_name(name)
    await asyncio.to_thread(shutil.copytree, checkout, copy, symlinks=True)
    # Hosts of this machine share it, and of those that fetch the same commit at once all but one fail over the lock.
    await git(copy, "fetch", "--quiet", "origin")
    # The copies have other inodes, which git takes for edits where it does not look closely.
    await git(copy, "update-index", "--refresh")
    return copy
