"""Looks at what is watched after a change: new errors in the log, a URL, the exit status of a command."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping

import aiohttp

from bot.domain.errors import RefusedError
from bot.domain.runs.acts import Shell
from bot.domain.runs.journal_layout import layout_of, notes_folder
from bot.domain.runs.plan import Plan
from bot.domain.runs.run import NOT_READ, Run
from bot.domain.runs.watching import Sighting, Watched
from bot.domain.shell import Command, ReadResult, Syntax, Word
from bot.domain.targets.target import Target
from bot.domain.targets.watch import Watch
from bot.hosts.connections import Connections
from bot.hosts.health import ask

LOG_STEP = "log-clean"
"""The step of verify that reads the log from before the change on, and prints each new error in a line."""

_SECONDS = 8.0
_AGAIN_SECONDS = 1.0
"""Until a thing that looks bad is looked at once more: a single failure may be a restart."""

_NOT_RUN = frozenset({126, 127})
"""Exit statuses of `sh` for a command that it could not run."""

_MAX_DETAIL = 200
_TIME = re.compile(r"^\[[^\]]*\] ")
"""Of an error in the log: the message that shows it has a time of its own."""


class HostWatchReader:
    """Implements `WatchReader` over the shared connections.

    Args:
        connections: to the hosts.
    """

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def read(self, target: Target, watch: Watch, run: Run, plan: Plan | None) -> tuple[Sighting, ...]:
        """Look once at each thing that is watched, at all of them together."""
        looks: list[Awaitable[Sighting]] = []
        if watch.log_errors is not None:
            looks.append(self._log(watch.log_errors, run, plan))
        if watch.health:
            looks.append(_twice(lambda: _health(watch.health)))
        if watch.command:
            looks.append(_twice(lambda: self._command(target, watch.command)))
        return tuple(await asyncio.gather(*looks))

    async def _log(self, limit: int, run: Run, plan: Plan | None) -> Sighting:
        step = next((step for step in plan.steps if step.key == LOG_STEP), None) if plan is not None else None
        if step is None or not isinstance(step.act, Shell):
            return Sighting(Watched.LOG, None, f"the recipe has no step {LOG_STEP}")
        act = step.act
        rows = run.rows(LOG_STEP)
        results = await asyncio.gather(*(self._read(row.place, _log_script(run, row.place, act)) for row in rows))
        errors = [line for result in results for line in _errors(result)]
        if len(errors) >= limit:
            first = _TIME.sub("", errors[0])
            return Sighting(Watched.LOG, crossed=True, detail=f"{len(errors)} · {first}"[:_MAX_DETAIL])
        unread = next((result for result in results if result.exit_status not in {0, 1}), None)
        if unread is not None:
            return Sighting(Watched.LOG, None, _said(unread))
        return Sighting(Watched.LOG, crossed=False)

    async def _command(self, target: Target, text: str) -> Sighting:
        script = Command((Syntax("cd -- "), Word(target.path), Syntax(" || exit 126\n"), Syntax(text)))
        results = await asyncio.gather(*(self._read(host, script) for host in target.hosts))
        return judge_commands(dict(zip(target.hosts, results, strict=True)))

    async def _read(self, host: str, script: Command) -> ReadResult:
        try:
            return await self._connections.read(host, script, _SECONDS)
        except RefusedError as refused:
            return ReadResult(None, b"", refused.problem.reason.value.encode())


def judge_commands(answers: Mapping[str, ReadResult]) -> Sighting:
    """Give what the watching command said on all hosts.

    Args:
        answers: by host.
    """
    unread = {host: each for host, each in answers.items() if each.exit_status in {None, *_NOT_RUN}}
    failed = {host: each for host, each in answers.items() if each.exit_status and host not in unread}
    if failed:
        detail = " · ".join(f"{host}: {each.exit_status}, {_said(each)}" for host, each in failed.items())
        return Sighting(Watched.COMMAND, crossed=True, detail=detail[:_MAX_DETAIL])
    if unread:
        host, answer = next(iter(unread.items()))
        return Sighting(Watched.COMMAND, None, f"{host}: {_said(answer)}")
    return Sighting(Watched.COMMAND, crossed=False)


async def _twice(look: Callable[[], Awaitable[Sighting]]) -> Sighting:
    """Look, and once more where it looks bad."""
    first = await look()
    if first.crossed is False:
        return first
    await asyncio.sleep(_AGAIN_SECONDS)
    return await look()


async def _health(url: str) -> Sighting:
    try:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_SECONDS)) as session:
            answer = await ask(session, url)
    except TimeoutError:
        return Sighting(Watched.HEALTH, crossed=True, detail=f"no answer within {_SECONDS:g} s")
    if answer.fine:
        return Sighting(Watched.HEALTH, crossed=False)
    return Sighting(Watched.HEALTH, crossed=True, detail=str(answer.status or answer.error)[:_MAX_DETAIL])


def _log_script(run: Run, place: str, act: Shell) -> Command:
    """Give the step's own script, with what it knows of the run on this host."""
    row = next(row for row in run.rows(LOG_STEP) if row.place == place)
    notes = notes_folder(run.id, place, layout_of(row.facts))
    head = Command((Syntax("COUNTERSIGN_RUN_DIR="), *notes.parts, Syntax("\nexport COUNTERSIGN_RUN_DIR\ncd -- ")))
    return Command((*head.parts, Word(act.directory), Syntax(f" || exit {NOT_READ}\n"), *act.command.parts))


def _errors(result: ReadResult) -> list[str]:
    """Give the errors that the step printed: the lines that do not name a log."""
    if result.exit_status != 1:
        return []
    lines = (line.strip() for line in result.stdout.decode(errors="replace").splitlines())
    return [line for line in lines if line and not line.endswith(":")]


def _said(result: ReadResult) -> str:
    text = (result.stderr or result.stdout).decode(errors="replace").strip()
    return text.splitlines()[-1][:_MAX_DETAIL] if text else f"status {result.exit_status}"
