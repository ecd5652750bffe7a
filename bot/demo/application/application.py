"""The demonstration's Laravel application: its repository, its checkout on the host, its data, its next commits."""

import asyncio
import base64
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path

from bot.demo.application.commits import EDITED, FAILING_MIGRATIONS, CommitKind, DemoCommit, Present, next_commit
from bot.demo.application.git import git
from bot.demo.errors import DemoError
from bot.demo.host.database import DatabaseServer, DemoDatabase

BRANCH = "main"
_SITE = "compte.example.com"
_BEGIN = datetime(2025, 9, 1, 8, 0, tzinfo=UTC)
_FIRST = datetime(2025, 9, 2, 10, 0, tzinfo=UTC)
_TOKEN_ID = DemoCommit(
    "feat(sessions): révoquer le token lors de la désactivation/suppression de session",
    datetime(2025, 11, 16, 8, 0, tzinfo=UTC),
    files={},
    migrations=("2025_11_16_074003_add_token_id_to_user_sessions_table",),
)
_TRAILER = "Demo-Kind"
"""Git trailer that remembers a commit's kind, so that the next of that kind can go on from there."""


@dataclass(frozen=True, slots=True)
class Application:
    """A Laravel application on a host.

    Attributes:
        folder: the host's folder; everything of the application lies below it.
        database: its database.
        environment: the variables its commands run with here; those of the host's sessions.
        site: the name of its folder below `/var/www`.
    """

    folder: Path
    database: DemoDatabase
    environment: Mapping[str, str]
    site: str = _SITE

    @property
    def path(self) -> Path:
        """The checkout that serves the site."""
        return self.folder / "var" / "www" / self.site

    @property
    def origin(self) -> Path:
        """The bare repository that the checkout fetches from."""
        return self.folder / "srv" / "git" / "compte.git"

    @property
    def author(self) -> Path:
        """The clone in which the application's authors make commits."""
        return self.folder / "srv" / "author"

    @property
    def backups(self) -> Path:
        """A folder for backups on the host."""
        return self.folder / "var" / "backups" / "compte"

    @property
    def is_down(self) -> bool:
        """Whether maintenance mode is on."""
        return (self.path / "storage" / "framework" / "down").exists()

    @property
    def log(self) -> str:
        """The text of `storage/logs/laravel.log`; empty if there is none."""
        file = self.path / "storage" / "logs" / "laravel.log"
        return file.read_text() if file.exists() else ""

    @classmethod
    async def create(
        cls,
        folder: Path,
        database: DemoDatabase,
        server: DatabaseServer,
        environment: Mapping[str, str],
        *,
        users: int = 2_000,
        sessions: int = 5_000,
    ) -> "Application":
        """Make the application at its first commit, installed, built and migrated, with data in its database.

        Args:
            folder: the host's folder.
            database: an empty database on `server`.
            server: the database server, to put the data in.
            environment: variables for its commands; `composer` and `npm` must be found on this PATH.
            users: how many accounts to put in.
            sessions: how many sessions to put in.

        Raises:
            DemoError: a command failed.
        """
        self = cls(folder, database, dict(environment))
        await self._make_origin()
        self.backups.mkdir(parents=True)
        await self._install(BRANCH)
        await self._seed(server, users, sessions)
        return self

    @classmethod
    async def beside(cls, live: "Application", site: str, database: DemoDatabase) -> "Application":
        """Install an application once more on the same host, at the commit that is live.

        Args:
            live: the application.
            site: the name of the folder.
            database: an empty database.

        Raises:
            DemoError: a command failed.
        """
        self = cls(live.folder, database, live.environment, site)
        await self._install(await live.head())
        return self

    async def _install(self, commit: str) -> None:
        """Check out, set up and migrate."""
        await git(self.folder, "clone", "--quiet", "--template=", "--branch", BRANCH, str(self.origin), str(self.path))
        await git(self.path, "reset", "--quiet", "--hard", commit)
        self.write_environment()
        for command in ("composer install --no-dev", "npm ci", "npm run build", "php artisan migrate --force"):
            await self.run(*command.split())

    async def next_commit(self, kind: CommitKind) -> str:
        """Push another commit to the origin; the checkout is not touched.

        Args:
            kind: what the commit shall do.

        Returns:
            The commit's full SHA.

        Raises:
            DemoError: there can be no second commit of this kind (`CommitKind.TOKEN_ID`), or git failed.
        """
        if kind is CommitKind.TOKEN_ID:
            if await self._earlier(kind):
                raise DemoError("the column token_id was added already; take another kind of commit")
            await asyncio.to_thread(_copy, "second", self.author)
            return await self._push(_TOKEN_ID, kind)
        present = Present(
            commits=int(await git(self.author, "rev-list", "--count", "HEAD")),
            files={path: (self.author / path).read_text() for path in EDITED},
            earlier=await self._earlier(kind),
            failing=tuple(str(file.relative_to(self.author)) for file in sorted(self.author.glob(FAILING_MIGRATIONS))),
        )
        return await self._push(next_commit(kind, present), kind)

    async def diverge(self) -> str:
        """Push a rewritten history to the origin, by force: no fast-forward from the checkout.

        Returns:
            The full SHA of the origin's branch.
        """
        head = await self.head()
        parents = (await git(self.path, "log", "-1", "--format=%P")).split()
        below = [word for parent in parents[:1] for word in ("-p", parent)]
        message = f"chore: history rewritten below {head[:7]}"
        made = await git(
            self.author, "commit-tree", "HEAD^{tree}", *below, "-m", message, when=_BEGIN + timedelta(days=365)
        )
        await git(self.author, "reset", "--quiet", "--hard", made)
        await git(self.author, "push", "--quiet", "--force", str(self.origin), f"HEAD:{BRANCH}")
        return made

    def dirty(self) -> Path:
        """Edit a tracked file of the checkout, as somebody in a hurry did.

        Returns:
            The file's path in the repository.
        """
        edited = Path("resources/views/login.blade.php")
        with (self.path / edited).open("a") as file:
            file.write("{{-- changed on the server --}}\n")
        return edited

    async def head(self) -> str:
        """The full SHA that the checkout is at."""
        return await git(self.path, "rev-parse", "HEAD")

    async def tip(self) -> str:
        """The full SHA of the branch in the origin."""
        return await git(self.origin, "rev-parse", BRANCH)

    async def artisan(self, *words: str) -> str:
        """Run `php artisan` in the checkout, here and not through SSH.

        Args:
            words: its arguments.

        Returns:
            What it printed.

        Raises:
            DemoError: it failed; with what it printed.
        """
        return await self.run("php", "artisan", "--no-ansi", *words)

    async def run(self, *command: str) -> str:
        """Run a command in the checkout, here and not through SSH.

        Args:
            command: program and arguments.

        Returns:
            What it printed, errors included.

        Raises:
            DemoError: it failed; with what it printed.
        """
        search = self.environment.get("PATH")
        program = shutil.which(command[0], path=search)
        if program is None:
            raise DemoError(f"{command[0]} was not found on {search}")
        process = await asyncio.create_subprocess_exec(
            program,
            *command[1:],
            cwd=self.path,
            env=self.environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()
        text = output.decode(errors="replace")
        if process.returncode != 0:
            raise DemoError(f"{' '.join(command)} failed ({process.returncode}):\n{text}")
        return text

    def write_environment(self) -> None:
        """Write the checkout's `.env`: the example, with a new key and the database's account."""
        values = {
            "APP_KEY": "base64:" + base64.b64encode(secrets.token_bytes(32)).decode(),
            "DB_HOST": self.database.host,
            "DB_PORT": str(self.database.port),
            "DB_DATABASE": self.database.name,
            "DB_USERNAME": self.database.user,
            "DB_PASSWORD": self.database.password,
        }
        lines = []
        for line in (self.path / ".env.example").read_text().splitlines():
            name = line.partition("=")[0]
            lines.append(f"{name}={values[name]}" if name in values else line)
        file = self.path / ".env"
        file.write_text("\n".join(lines) + "\n")
        file.chmod(0o600)

    async def _make_origin(self) -> None:
        self.path.parent.mkdir(parents=True)
        self.author.mkdir(parents=True)
        await git(self.folder, "init", "--quiet", "--template=", "--bare", "--initial-branch", BRANCH, str(self.origin))
        await git(self.author, "init", "--quiet", "--template=", "--initial-branch", BRANCH)
        # below the first commit, so that a rewritten history still has something in common with the checkout
        await git(self.author, "commit", "--quiet", "--allow-empty", "-m", "chore: begin", when=_BEGIN)
        await asyncio.to_thread(_copy, "first", self.author)
        await self._push(DemoCommit("feat: accounts and their sessions", _FIRST, files={}), None)

    async def _push(self, commit: DemoCommit, kind: CommitKind | None) -> str:
        for path, text in commit.files.items():
            (self.author / path).write_text(text)
        for path in commit.withdrawn:
            (self.author / path).unlink()
        await git(self.author, "add", "--all")
        trailer = [f"--trailer={_TRAILER}: {kind.value}"] if kind is not None else []
        await git(self.author, "commit", "--quiet", "-m", commit.message, *trailer, when=commit.when)
        await git(self.author, "push", "--quiet", str(self.origin), f"HEAD:{BRANCH}")
        return await git(self.author, "rev-parse", "HEAD")

    async def _earlier(self, kind: CommitKind) -> int:
        trailers = await git(self.author, "log", f"--format=%(trailers:key={_TRAILER},valueonly)")
        return sum(line.strip() == kind.value for line in trailers.splitlines())

    async def _seed(self, server: DatabaseServer, users: int, sessions: int) -> None:
        seed = resources.files("bot.demo.application") / "files" / "seed.sql"
        script = self.folder / "seed.sql"
        script.write_text(f"SET @users = {users}, @sessions = {sessions};\n{seed.read_text()}")
        await server.load(script, self.database.name)
        script.unlink()


def _copy(commit: str, target: Path) -> None:
    """Copy the files of a commit; `dot-NAME` becomes `.NAME`, for dot files would act on this project's own tree."""
    with resources.as_file(resources.files("bot.demo.application") / "files" / commit) as source:
        for file in sorted(source.rglob("*")):
            if file.is_file():
                path = target / file.relative_to(source)
                path = path.with_name(path.name.replace("dot-", ".", 1) if path.name.startswith("dot-") else path.name)
                path.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, path)
