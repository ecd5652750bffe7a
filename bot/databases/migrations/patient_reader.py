"""Reading files of a host that may not answer for a moment."""

from __future__ import annotations

import asyncio

from bot.databases.ports import HostReader
from bot.domain.errors import Reason, RefusedError, problem
from bot.domain.shell import Command

_READING = 60.0


class PatientReader:
    """Reads from hosts, and tries again where one does not answer.

    Args:
        reader: runs commands that only read.
        pauses: seconds between tries.
    """

    def __init__(self, reader: HostReader, pauses: tuple[float, ...] = (1.0, 2.0, 4.0, 8.0, 15.0)) -> None:
        self._reader = reader
        self._pauses = pauses

    async def read(self, host: str, command: Command) -> bytes:
        """Run a command, and give what it printed.

        Args:
            host: name of the host.
            command: what to run; it changes nothing.

        Raises:
            RefusedError: the host did not answer in the end, or the command failed.
        """
        for pause in (*self._pauses, None):
            try:
                answer = await self._reader.read(host, command, _READING)
            except RefusedError:
                if pause is None:
                    raise
            else:
                if answer.exit_status == 0:
                    return answer.stdout
                if answer.exit_status is not None or pause is None:
                    detail = answer.stderr.decode(errors="replace").strip()[:300]
                    raise RefusedError(problem(Reason.HOST_UNREACHABLE, host=host, detail=detail))
            await asyncio.sleep(pause)
        raise AssertionError("the last try ends the loop")
