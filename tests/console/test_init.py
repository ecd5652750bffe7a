"""`countersign init`: the real command against a real sshd, with a repository in the account's home."""
# ruff: noqa: E501 - a refusal and its words read best side by side

from __future__ import annotations

import asyncio
import io
import os
import pty
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from rich.console import Console

from bot.console.check import check_files
from bot.console.first_setup.new_files import NewFile, write_new_files
from bot.console.init import Flags, set_up
from bot.demo.host.host import DemoHost
from bot.hosts.known_hosts import read_known_hosts

ROOT = Path(__file__).parents[2]
PASSWORD = "p4ss' #word of the app"
TOKENS = {"SLACK_BOT_TOKEN": "xoxb-1-2", "SLACK_APP_TOKEN": "xapp-1-2"}
ORIGIN_TOKEN = "tok3n-of-the-forge"


@dataclass(frozen=True)
class Ended:
    """What a command came to."""

    status: int
    text: str


@dataclass(frozen=True)
class Desk:
    """The machine of the bot: an empty folder, and a host that it does not know yet."""

    folder: Path
    host: DemoHost
    fingerprint: str

    async def run(self, words: Sequence[str], typed: str = "", env: Mapping[str, str] | None = None) -> Ended:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot", *words,
            cwd=self.folder,
            env=self.environment(env),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        async with asyncio.timeout(120):
            out, _ = await process.communicate(typed.encode())
        assert process.returncode is not None
        text = out.decode()
        assert "Traceback" not in text, text
        assert PASSWORD not in text
        assert ORIGIN_TOKEN not in text
        return Ended(process.returncode, text)

    def environment(self, env: Mapping[str, str] | None) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "HOME": str(self.folder),
            **(TOKENS if env is None else env),
        }

    def checked(self) -> int:
        """What `countersign check` says of what was written."""
        real = {"HOME": str(self.folder), **TOKENS}
        return check_files(self.folder / ".env", self.folder / "ops.yaml", real, Console(file=io.StringIO()))

    @property
    def login(self) -> list[str]:
        return ["--host", f"{self.host.user}@127.0.0.1:{self.host.port}", "--key", str(self.host.key)]

    @property
    def people(self) -> list[str]:
        return ["--channel", "C0OPS", "--engineers", "U0AMELIE,U0BOB", "--approvers", "U0BOB,U0DBA"]

    @property
    def files(self) -> set[str]:
        return {path.name for path in self.folder.iterdir() if path.name not in {".ssh", "deploy.sh", ".cache"}}


@pytest.fixture
def desk(tmp_path: Path, ssh_host: DemoHost) -> Desk:
    folder = tmp_path / "desk"
    folder.mkdir()
    public = ssh_host.folder / "ssh" / "host_key.pub"
    said = subprocess.run(["ssh-keygen", "-lf", str(public)], check=True, capture_output=True, text=True).stdout
    return Desk(folder, ssh_host, said.split()[1])


@pytest.fixture
def application(ssh_host: DemoHost) -> Path:
    """A checkout that looks like Laravel's; nothing of it is ever run."""
    path = ssh_host.home / "compte"
    path.mkdir()
    (path / "artisan").write_text("<?php exit(1);\n")
    escaped = PASSWORD.replace("'", "'")
    (path / ".env").write_text(
        f"APP_URL=https://compte.example.com/login\nAPP_KEY=not-for-you\nDB_CONNECTION=mysql\nDB_HOST=127.0.0.1\n"
        f'DB_DATABASE=compte_herime\nDB_USERNAME=compte\nDB_PASSWORD="{escaped}"\n'
    )
    git = ["git", "-C", str(path)]
    subprocess.run([*git, "init", "-q", "-b", "release"], check=True)
    origin = f"http://deploy:{ORIGIN_TOKEN}@127.0.0.1:9/compte.git"
    subprocess.run([*git, "remote", "add", "origin", origin], check=True)
    return path


async def test_with_flags_alone_and_a_script_it_writes_what_passes_the_check(desk: Desk, application: Path) -> None:
    script = desk.folder / "deploy.sh"
    script.write_text((ROOT / "tests" / "setup" / "scripts" / "deploy.sh.txt").read_text())
    flags = [
        *desk.login,
        *desk.people,
        "--fingerprint",
        desk.fingerprint,
        "--database-account",
        "app",
        "--path",
        str(application),
    ]
    ended = await desk.run(["init", "--from", "deploy.sh", *flags])
    assert ended.status == 0, ended.text
    assert desk.files == {"ops.yaml", ".env", "compte.recipe.yaml"}
    assert (desk.folder / ".env").stat().st_mode & 0o777 == 0o600
    assert "deploy ALL" not in ended.text
    assert f"{desk.host.user} ALL=(root) NOPASSWD: " in ended.text
    assert "Of deploy.sh 10 statements are steps that the bot knows, 0 are kept" in ended.text
    ops = (desk.folder / "ops.yaml").read_text()
    assert "branch: release" in ops
    assert "health_url: https://compte.example.com/login" in ops
    assert desk.checked() == 0
    # The application's password is in .env, and nothing else of its .env is.
    assert PASSWORD.replace("'", "\\'") in (desk.folder / ".env").read_text()
    assert "not-for-you" not in (desk.folder / ".env").read_text()
    known = read_known_hosts(desk.folder / ".ssh" / "known_hosts")
    assert known.keys.match("127.0.0.1", "", desk.host.port)[0]


async def test_asked_for_everything_it_finds_the_application(desk: Desk, application: Path) -> None:
    typed = [
        f"{desk.host.user}@127.0.0.1:{desk.host.port}", "", "yes",
        "", "", "", "php8.2-fpm", "", "", "new", "", "#ops", "C0OPS", "anyone", "U0BOB,U0DBA", "", "", "",
    ]  # fmt: skip
    ended = await desk.run(["init", "--key", str(desk.host.key)], "\n".join(typed), env={})
    assert ended.status == 0, ended.text
    assert f"shows the key {desk.fingerprint}" in ended.text
    assert "not a channel's ID" in ended.text
    password = next(
        line.split("=", 1)[1]
        for line in (desk.folder / ".env").read_text().splitlines()
        if line.startswith("COMPTE_DB_PASSWORD")
    )
    assert len(password) >= 32
    assert password not in ended.text
    assert "s/^COMPTE_DB_PASSWORD=\\(.*\\)/CREATE USER" in ended.text
    assert "GRANT PROCESS ON *.* TO 'countersign'@'127.0.0.1';" in ended.text
    # The tokens were left for later, and that is said.
    assert ended.text.count("Left for you:") == 2
    assert desk.checked() == 0


async def test_at_a_terminal_a_token_is_not_shown(desk: Desk, application: Path) -> None:
    ours, theirs = pty.openpty()
    flags = [
        *desk.login,
        *desk.people,
        "--app",
        "compte",
        "--environment",
        "production",
        "--branch",
        "main",
        "--services",
        "none",
    ]
    flags += ["--health-url", "none", "--database", "none", "--backups", "none", "--approvals", "1"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", "init", *flags,
        cwd=desk.folder, env=desk.environment({}), stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    screen = await asyncio.to_thread(
        converse,
        ours,
        [("(yes/no)", "yes"), ("SLACK_BOT_TOKEN", "xoxb-very-secret"), ("SLACK_APP_TOKEN", "xapp-very-secret")],
    )
    async with asyncio.timeout(60):
        assert await process.wait() == 0, screen
    os.close(ours)
    assert "very-secret" not in screen
    assert "SLACK_BOT_TOKEN=xoxb-very-secret" in (desk.folder / ".env").read_text()
    assert "Left for you" not in screen


def converse(terminal: int, answers: list[tuple[str, str]]) -> str:
    """Answer each question when it is there; gives all that was shown."""
    screen = seen = ""
    while True:
        try:
            shown = os.read(terminal, 4096).decode(errors="replace")
        except OSError:
            shown = ""
        if not shown:
            return screen
        screen, seen = screen + shown, seen + shown
        if answers and answers[0][0] in seen and seen.rstrip(" ").endswith((":", ": \r\n", ":\r\n")):
            os.write(terminal, f"{answers[0][1]}\n".encode())
            answers, seen = answers[1:], ""


Changes = Callable[[Desk], dict[str, object]]
REFUSALS: dict[str, tuple[Changes, int, str]] = {
    "another key than was compared": (lambda _: {"fingerprints": ("SHA256:other",)}, 1, "another one than --fingerprint says"),
    "a key that nobody confirmed": (lambda _: {"fingerprints": ()}, 1, "the key was not confirmed"),
    "no host": (lambda _: {"host": None}, 2, "say it by --host"),
    "a URL for a host": (lambda _: {"host": "deploy@https://compte.example.com"}, 2, "write user@address"),
    "an address that cannot be one": (lambda _: {"host": "deploy@10.0.0.256"}, 2, "cannot be one"),
    "a channel's name": (lambda _: {"channel": "#ops"}, 2, "--channel #ops: not a channel's ID"),
    "too few approvers": (lambda _: {"engineers": "U0BOB", "approvers": "U0BOB"}, 2, "nobody countersigns an own request"),
    "a folder that is no checkout": (lambda _: {"path": "/usr"}, 1, "/usr is no git checkout"),
    "a script that cannot be read": (lambda _: {"script": Path("nowhere.sh")}, 1, "nowhere.sh cannot be read"),
}  # fmt: skip


@pytest.mark.parametrize("there", ["ops.yaml", ".env"])
async def test_a_file_that_is_there_is_never_overwritten(
    desk: Desk, there: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (desk.folder / there).symlink_to("nowhere")
    found = await set_up(Flags(), desk.folder / "ops.yaml", desk.folder / ".env", TOKENS, Console(file=io.StringIO()))
    assert (found, "there already" in capsys.readouterr().err) == (1, True)
    assert desk.files == {there}


def test_of_several_files_all_are_written_or_none(tmp_path: Path) -> None:
    (tmp_path / "second").write_text("mine")
    files = [NewFile(tmp_path / name, "new", 0o600) for name in ("first", "second")]
    with pytest.raises(FileExistsError):
        write_new_files(files)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"second": "mine"}


@pytest.mark.parametrize("name", REFUSALS)
async def test_where_it_cannot_it_writes_nothing(
    desk: Desk, application: Path, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    changes, status, says = REFUSALS[name]
    monkeypatch.setenv("HOME", str(desk.folder))
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    usual = Flags(
        host=desk.login[1], key=desk.login[3], fingerprints=(desk.fingerprint,), path=str(application),
        channel="C0OPS", engineers="U0AMELIE,U0BOB", approvers="U0BOB,U0DBA",
    )  # fmt: skip
    flags = replace(usual, **changes(desk))
    found = await set_up(flags, desk.folder / "ops.yaml", desk.folder / ".env", TOKENS, Console(file=io.StringIO()))
    said = capsys.readouterr().err
    assert (found, says in said) == (status, True), said
    assert "Nothing was written." in said
    assert desk.files == set()
