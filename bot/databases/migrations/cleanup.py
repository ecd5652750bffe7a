"""Cleanup of what killed rehearsals, dumps and proofs left: scratch databases, worktrees, folders and sandboxes."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable

import structlog

from bot.databases.backups.dump_script import REMOVE_STALE
from bot.databases.ports import HostReader
from bot.databases.server.connector import Connector
from bot.databases.server.scratch_names import is_of_sandbox, scratch_names
from bot.domain.errors import RefusedError
from bot.domain.runs.run import Run
from bot.domain.shell import Command, Syntax, Word
from bot.domain.targets.target import Target
from bot.sandbox.plan import sweep

_SECONDS = 60.0

_SCRATCH = re.compile(r"_countersign_(?:rehearsal|proof|sandbox)_(?P<run>[a-z0-9]+?)(?:_[pebt])?")
"""What follows the database's own name. Databases of restores are named differently: they hold live data."""

_WORKTREES = """
for old in "${TMPDIR:-/tmp}"/countersign-look.*; do
  [ ! -O "$old" ] || find "$old" -prune -mtime +0 -exec rm -rf {} +
done
cd -- "$path" 2>/dev/null || exit 0
git_dir=$(git rev-parse --absolute-git-dir 2>/dev/null) || exit 0
for owner in "$git_dir"/countersign-rehearsal-*.owner; do
  if [ -e "$owner" ] && ! lives "$owner" && remove_tree "${owner%.owner}"; then
    rm -f "$owner"
    printf '%s\\n' "${owner%.owner}"
  fi
done
"""

_PARTS = """
cd -- "$directory" 2>/dev/null || exit 0
for part in B-*.part S-*.part; do
  if [ -e "$part/owner" ]; then
    ! lives "$part/owner" || continue
  else
    [ -n "$(find "$part" -prune -mtime +0 2>/dev/null)" ] || continue
  fi
  rm -rf -- "$part" && printf '%s\\n' "$directory/$part"
done
"""
"""Unfinished dumps whose owner is gone; without an owner, those unchanged for a day."""

_log = structlog.get_logger()


async def _swept(remove: Callable[[Target], Awaitable[tuple[str, ...]]], target: Target) -> None:
    try:
        removed = await remove(target)
    except RefusedError as refused:
        _log.warning("not_swept", target=str(target.name), reason=refused.problem.reason.value)
    else:
        if removed:
            _log.info("swept", target=str(target.name), removed=list(removed))


def run_of(name: str, database: str) -> str | None:
    """Return the ID of the run that made a scratch database.

    Args:
        name: of the scratch database.
        database: the live one beside it.

    Returns:
        The run's ID; None where no rehearsal and no proof of a run makes such a name.
    """
    found = _SCRATCH.fullmatch(name.removeprefix(database)) if name.startswith(database) else None
    return f"R-{found['run'].upper()}" if found is not None else None


class ScratchCleanup:
    """Removes what was left behind. It is idempotent, also when two bots do it at once.

    Args:
        connections: to the databases.
        reader: runs the script on the hosts.
        find_run: reads a run by its ID; None where this bot knows none of it.
    """

    def __init__(
        self, connections: Connector, reader: HostReader, find_run: Callable[[str], Awaitable[Run | None]]
    ) -> None:
        self._connections = connections
        self._reader = reader
        self._find_run = find_run

    async def sweep(self, targets: Iterable[Target]) -> None:
        """Clean up after every target; what cannot be reached is skipped."""
        swept: set[str] = set()
        for target in targets:
            for remove in self._removals(target):
                await _swept(remove, target)
            # Several targets may lie on one host, and have one sandbox there.
            if target.hosts[0] not in swept:
                swept.add(target.hosts[0])
                await _swept(self.sandboxes, target)

    def _removals(self, target: Target) -> tuple[Callable[[Target], Awaitable[tuple[str, ...]]], ...]:
        """List what is removed for a target, whatever its `scratch` was when a killed step left it."""
        if target.database is None:
            return ()
        databases = (self.databases,) if target.database.copies_at(target.hosts[0]) is not None else ()
        return (*databases, self.worktrees, self.parts)

    async def databases(self, target: Target) -> tuple[str, ...]:
        """Drop the scratch databases of runs that are over. Those of runs that this bot does not know stay.

        Args:
            target: which; it allows scratch databases.

        Returns:
            The names of what was dropped.

        Raises:
            RefusedError: a reason of the database or of a host.
        """
        if target.database is None:
            return ()
        live = target.database.name
        there = await self._connections.scratch_databases(target)
        over = [name for name in there if await self._is_over(run_of(name, live))]
        left = [name for name in over if not is_of_sandbox(name, live)]
        for name in left:
            await self._connections.drop_scratch(target, name)
        for run in {run_of(name, live) or "" for name in over if name not in left}:
            names = scratch_names(live, run)
            if await self._connections.leave_scratch_server(target, names):
                left.append(names.database)
        return tuple(left)

    async def worktrees(self, target: Target) -> tuple[str, ...]:
        """Remove, on the first host, worktrees whose rehearsal is no longer at work.

        Args:
            target: which.

        Returns:
            The paths of what was removed.

        Raises:
            RefusedError: with a host's reason.
        """
        command = Command((Syntax("path="), Word(target.path), Syntax(f"\n{REMOVE_STALE}{_WORKTREES}")))
        answer = await self._reader.read(target.hosts[0], command, _SECONDS)
        return tuple(answer.stdout.decode(errors="replace").splitlines())

    async def parts(self, target: Target) -> tuple[str, ...]:
        """Remove, on the first host, what is left of dumps and restores that are no longer at work.

        Args:
            target: whose directory of backups is looked at; one that keeps them elsewhere has none.

        Returns:
            The paths of what was removed.

        Raises:
            RefusedError: with a host's reason.
        """
        if target.backups is None or not target.backups.directory:
            return ()
        directory = target.backups.directory.rstrip("/")
        command = Command((Syntax("directory="), Word(directory), Syntax(f"\n{REMOVE_STALE}{_PARTS}")))
        answer = await self._reader.read(target.hosts[0], command, _SECONDS)
        return tuple(answer.stdout.decode(errors="replace").splitlines())

    async def sandboxes(self, target: Target) -> tuple[str, ...]:
        """Remove, on the first host, the sandbox that a killed step left, and templates that nobody used for long.

        Its processes died with the step, by the kernel. One that is at work is left alone.

        Args:
            target: on whose host.

        Returns:
            The path of what was removed.

        Raises:
            RefusedError: with a host's reason.
        """
        answer = await self._reader.read(target.hosts[0], sweep(), _SECONDS)
        return tuple(answer.stdout.decode(errors="replace").splitlines())

    async def _is_over(self, name: str | None) -> bool:
        run = await self._find_run(name) if name is not None else None
        return run is not None and run.ended
