"""A host on which sandboxes are tried: this machine, as one of its accounts, with a home of its own."""

import os
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from bot.domain.shell import Command
from bot.sandbox.environment import LARAVEL_REPLACED, LARAVEL_TREATMENTS, Environment
from bot.sandbox.plan import CodeBox, Limits, Sandbox, functions
from bot.sandbox.results import CommandResult, SandboxResults, results_of
from bot.sandbox.server import PrivateDatabase, PrivateServer, series_of
from tests.support.sandboxes import own, share_templates

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

ORDINARY = 64321
"""An id that is nobody's; what runs with it is an ordinary account."""

ACCOUNTS = (0, ORDINARY) if os.geteuid() == 0 else (os.geteuid(),)

AT = "/var/www/compte"
"""Where the application lies, as its code sees it."""

LIVE_ENV = """\
APP_NAME=Compte
APP_KEY=base64:bGl2ZS1zZWNyZXQtbGl2ZS1zZWNyZXQtbGl2ZS1zZWM=
DB_HOST=127.0.0.1
DB_DATABASE=compte
DB_USERNAME=compte
DB_PASSWORD=live-password
STRIPE_SECRET=live-stripe-secret
"""

TAIL = "set -u\ntrap sandbox_close EXIT\ntrap 'exit 143' TERM\n"


def installed() -> str:
    """The version of the server that is installed here."""
    told = subprocess.run(
        ["/usr/sbin/mariadbd", "--no-defaults", "--version"], capture_output=True, text=True, check=True
    )
    return told.stdout


def server(**changes: object) -> PrivateServer:
    series = series_of(installed())
    assert series is not None
    made = PrivateServer(series, (PrivateDatabase("compte", "utf8mb4", "utf8mb4_unicode_ci"),), users=("compte",))
    return replace(made, **changes)  # type: ignore[arg-type]


@dataclass
class Bench:
    """Runs the scripts of sandboxes.

    Args:
        uid: as whom.
        home: of that account.
        live: the application's live folder, with an `.env`.
    """

    uid: int
    home: Path
    live: Path
    path: str = SYSTEM_PATH
    shell: str = "sh"
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def state(self) -> Path:
        return self.home / ".local/state/countersign"

    @property
    def place(self) -> Path:
        (place,) = (self.state / "sandbox").iterdir()
        return place

    @property
    def box(self) -> Path:
        return self.place / "box"

    def sandbox(self, server: PrivateServer | None = None, limits: Limits | None = None, **changes: object) -> Sandbox:
        environment = Environment(str(self.live / ".env"), LARAVEL_TREATMENTS, LARAVEL_REPLACED)
        made = Sandbox("box", server, CodeBox(AT, environment), limits or Limits(free_memory=1024), wait=30)
        return replace(made, **changes)  # type: ignore[arg-type]

    def text(self, sandbox: Sandbox, body: str, work: Mapping[str, str] | None = None) -> str:
        """Write a step that claims a sandbox, puts files into it, starts it and does what `body` says."""
        lines = [TAIL, "sandbox_claim || exit 0\n"]
        for name, content in (work or {}).items():
            lines.append(f"printf '%s' {shlex.quote(content)} >\"$sandbox_work/\"{name}\n")
        lines.append("sandbox_start || exit 0\n")
        return functions(sandbox).script() + "".join(lines) + body + "\n"

    def start(self, text: str, name: str = "run") -> "subprocess.Popen[bytes]":
        """Start a step, as the journal does: in a session of its own, by `sh FILE`."""
        folder = self.home / name
        folder.mkdir(exist_ok=True)
        file = folder / "script"
        file.write_text(text)
        own(self.uid, folder, file)
        environment = {"HOME": str(self.home), "PATH": self.path, "COUNTERSIGN_RUN_DIR": str(folder)}
        process = subprocess.Popen(
            [*self._become(), *self.shell.split(), str(file)],
            env=environment,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.started.append(process)
        return process

    def say(self, text: str, name: str = "run", timeout: float = 120) -> str:
        """Run a step to its end, and give what it printed."""
        process = self.start(text, name)
        told, _ = process.communicate(timeout=timeout)
        return told.decode(errors="replace")

    def results(self, name: str = "run", folder: str = "box") -> SandboxResults:
        files = (self.home / name / folder).iterdir()
        return results_of({file.name: file.read_text(errors="replace") for file in files})

    def run(
        self, sandbox: Sandbox, body: str, work: Mapping[str, str] | None = None, name: str = "run"
    ) -> dict[str, CommandResult]:
        """Run a step that is expected to get its sandbox, and give what became of its commands by their names."""
        told = self.say(self.text(sandbox, body, work), name)
        results = self.results(name)
        assert results.refusal is None, (results.refusal, told)
        return {command.name: command for command in results.commands}

    def answer(self, command: Command, **environment: str) -> str:
        """Run a script as a look at the host does."""
        told = subprocess.run(
            [*self._become(), *self.shell.split(), "-c", command.script()],
            env={"HOME": str(self.home), "PATH": self.path, **environment},
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        return told.stdout

    def processes(self) -> list[str]:
        """Command lines of what lives of this bench's sandboxes: whose folders are visible to them."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    mounts = (entry / "mountinfo").read_text()
                    line = (entry / "cmdline").read_bytes()
                except OSError:
                    continue
                if f"{self.home.name}/.local" in mounts or self.home.name.encode() in line:
                    found.append(line.decode(errors="replace").replace("\0", " ")[:200])
        return found

    def without(self, *programs: str) -> "Bench":
        """The same, where some programs are not installed."""
        folder = self.home / "programs"
        folder.mkdir()
        for place in reversed(SYSTEM_PATH.split(":")):
            if Path(place).is_dir():
                for program in Path(place).iterdir():
                    link = folder / program.name
                    if program.name not in programs and not link.is_symlink():
                        link.symlink_to(program)
        folder.chmod(0o755)
        return replace(self, path=str(folder))

    def close(self) -> None:
        for process in self.started:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
        subprocess.run(["chmod", "-R", "u+rwX", str(self.home)], check=False)
        shutil.rmtree(self.home, ignore_errors=True)

    def _become(self) -> list[str]:
        if self.uid == os.geteuid():
            return []
        return ["setpriv", f"--reuid={self.uid}", f"--regid={self.uid}", "--clear-groups", "--"]


def bench(uid: int, templates: Path | None) -> Bench:
    """Make one.

    Args:
        uid: as whom.
        templates: where templates are shared with other tests; None makes them anew.
    """
    home = Path(tempfile.mkdtemp(prefix="cs-box-"))
    live = home / "live"
    live.mkdir()
    (live / ".env").write_text(LIVE_ENV)
    made = Bench(uid, home, live)
    own(uid, home, live, live / ".env")
    if templates is not None:
        share_templates(home, templates, uid)
    return made


def eventually(condition: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)
