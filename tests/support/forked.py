"""Starts the program from a process that has loaded its modules already, as often as the tests want it.

Loading is most of what a start costs. `tests.contract` and `tests.demo` start the program as people do.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import runpy
import sys
from collections.abc import Mapping
from multiprocessing.connection import Connection
from pathlib import Path

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["tests.support.loaded"])


class Forked:
    """A program that was started so, as `asyncio.subprocess.Process` would show it.

    Args:
        module: what is run, as `python -m MODULE` runs it.
        words: its arguments.
        folder: its working directory.
        environment: all of it.
    """

    def __init__(self, module: str, words: tuple[str, ...], folder: Path, environment: Mapping[str, str]) -> None:
        self._out, out = _context.Pipe(duplex=False)
        self._err, err = _context.Pipe(duplex=False)
        self._process = _context.Process(target=_run, args=(module, words, folder, dict(environment), out, err))
        self._process.start()
        out.close()
        err.close()
        self._ended = asyncio.Event()
        asyncio.get_running_loop().add_reader(self._process.sentinel, self._end)

    @property
    def pid(self) -> int:
        """Its number."""
        assert self._process.pid is not None
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """Its exit status, or the signal that ended it as a negative number; None while it runs."""
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it is gone."""
        if self.returncode is None:
            os.kill(self.pid, number)

    async def wait(self) -> int:
        """Wait for its end, and give its exit status."""
        await self._ended.wait()
        status = self.returncode
        assert status is not None
        return status

    async def streams(self) -> tuple[asyncio.StreamReader, asyncio.StreamReader]:
        """Give what it prints and what it complains about; to be called once."""
        return await _stream(self._out), await _stream(self._err)

    def _end(self) -> None:
        asyncio.get_running_loop().remove_reader(self._process.sentinel)
        self._process.join()
        self._ended.set()


async def _stream(connection: Connection) -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    pipe = os.fdopen(os.dup(connection.fileno()), "rb", buffering=0)
    connection.close()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
    return reader


def _run(
    module: str, words: tuple[str, ...], folder: Path, environment: dict[str, str], out: Connection, err: Connection
) -> None:
    os.dup2(out.fileno(), 1)
    os.dup2(err.fileno(), 2)
    out.close()
    err.close()
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = [module, *words]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
