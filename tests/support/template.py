"""Applications by the copy: made once with real artisan, then copied with a dump of its database."""

import asyncio
import shutil
from dataclasses import replace
from pathlib import Path

from bot.demo.application.application import Application
from bot.demo.application.git import git
from bot.demo.host.database import DatabaseServer, DemoDatabase
from bot.demo.host.host import DemoHost

USERS = 200
SESSIONS = 500


class Template:
    """An application at its first commit, to be copied.

    Args:
        original: the application that was made.
        dump: a dump of its database.
    """

    def __init__(self, original: Application, dump: Path) -> None:
        self._original = original
        self._dump = dump

    @classmethod
    async def make(cls, folder: Path, host: DemoHost, server: DatabaseServer) -> "Template":
        """Make the application that is copied later.

        Args:
            folder: an empty folder for it.
            host: whose stand-in commands install and build it.
            server: where its database is made.
        """
        database = await server.create("template")
        original = await Application.create(folder, database, server, host.environment, users=USERS, sessions=SESSIONS)
        # few files are quick to copy
        for repository in (original.origin, original.author, original.path):
            await git(repository, "gc", "--quiet")
        dump = folder / "template.sql"
        await server.dump(database.name, dump)
        await server.drop(database)
        return cls(original, dump)

    async def copy(self, folder: Path, host: DemoHost, database: DemoDatabase, server: DatabaseServer) -> Application:
        """Copy the application and its data.

        Args:
            folder: a folder that does not exist yet.
            host: the host it is on.
            database: an empty database.
            server: the server of that database.
        """
        application = replace(self._original, folder=folder, database=database, environment=host.environment)

        async def copy_files() -> None:
            await asyncio.to_thread(shutil.copytree, self._original.folder, folder, symlinks=True)
            application.write_environment()
            await git(application.path, "remote", "set-url", "origin", str(application.origin))
            # the copies have other inodes, which git would take for edits where it does not look closely
            await git(application.path, "update-index", "--refresh")

        await asyncio.gather(copy_files(), server.load(self._dump, database.name))
        return application
