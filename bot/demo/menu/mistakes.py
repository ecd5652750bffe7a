"""What a person does to data and to backups by mistake, so that a backup is needed, or is no longer one."""

from __future__ import annotations

from pathlib import Path

from bot.demo.application.application import Application
from bot.demo.errors import DemoError
from bot.demo.host.database import DatabaseServer

_MANIFEST = ".json"


class UserMistakes:
    """Does what nobody should.

    Args:
        application: whose data and backups.
        server: the database server with its data.
    """

    def __init__(self, application: Application, server: DatabaseServer) -> None:
        self._name = application.database.name
        self._backups = application.backups
        self._server = server

    async def delete_sessions(self) -> str:
        """Empty a table.

        Returns:
            What was done, as a sentence; so does the other.

        Raises:
            DemoError: there is nothing to do; so does the other.
        """
        [found] = await self._server.query("SELECT COUNT(*) AS n FROM user_sessions", database=self._name)
        if not found["n"]:
            raise DemoError("There are no sessions. Nothing was changed.")
        await self._server.query("DELETE FROM user_sessions", database=self._name)
        return f"{found['n']:,} rows of user_sessions are gone. /backup list shows what could bring them back."

    async def spoil_backup(self) -> str:
        """Flip one bit of the newest backup that somebody asked for or that was scheduled."""
        newest = max(self._backups.glob(f"B-*{_MANIFEST}"), key=lambda file: file.stat().st_mtime_ns, default=None)
        if newest is None:
            raise DemoError("There is no backup yet. Nothing was changed.")
        dump = next(file for file in self._files(newest.stem) if file.suffix != _MANIFEST)
        content = bytearray(dump.read_bytes())
        content[len(content) // 2] ^= 1
        dump.write_bytes(content)
        return f"One bit of {dump.name} was flipped. Type /backup verify or /backup restore, and see."

    def _files(self, backup: str) -> list[Path]:
        return sorted(self._backups.glob(f"{backup}.*"))
