"""The demonstration host: an OpenSSH server on loopback with a home, a PATH and a ledger of its own."""

import asyncio
import contextlib
import os
import pwd
import shlex
import shutil
import signal
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import asyncssh

from bot.demo.errors import DemoError
from bot.demo.host.command_log import StandInCommands
from bot.demo.processes import proc
from bot.demo.processes.ports import LOOPBACK, Port, wait_until_listening
from bot.demo.processes.process import Process

_SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"
_SFTP = "/usr/lib/openssh/sftp-server"
_SSHD = frozenset({"sshd", "sshd-session", "sshd-auth"})
"""Names of the processes of a connection: of its own from OpenSSH 9.8 on, the login too from 10.0 on."""
RECORDED = ("php", "git", "mysqldump", "mariadb-dump")
"""Real commands that the ledger records by default."""


class DemoHost:
    """A private OpenSSH server for the account that runs this program.

    Everything lies in one folder: keys, configuration, log, the account's home for the time of a session, stand-in
    commands and their ledger. As a context manager it starts and stops.

    Args:
        folder: an existing folder, its owner's alone.
        recorded: real commands to record in the ledger (see `bot.demo.host.command_log.StandInCommands`).
        settings: further lines for `sshd_config`, for example `MaxSessions 4`. The first value of a keyword counts,
            so these override the usual ones.

    Raises:
        DemoError: the account that runs this program has no login shell.
    """

    def __init__(self, folder: Path, *, recorded: Sequence[str] = RECORDED, settings: Sequence[str] = ()) -> None:
        self.folder = folder
        self.commands = StandInCommands(folder, recorded, _SYSTEM_PATH)
        """The stand-in commands and the ledger of what ran."""
        account = pwd.getpwuid(os.getuid())
        if Path(account.pw_shell).name in ("nologin", "false"):
            raise DemoError(
                f"the account {account.pw_name} has no login shell ({account.pw_shell}), so sshd would let nobody in;"
                " start the demonstration as another account"
            )
        self.user = account.pw_name
        """The account to log in as."""
        self.key = folder / "ssh" / "id_ed25519"
        """Private key of the account."""
        self.known_hosts = folder / "ssh" / "known_hosts"
        """Known hosts file that lists this host."""
        self.home = folder / "home"
        """HOME and first working folder of every session."""
        self._settings = tuple(settings)
        self._port = Port()
        self._trusted = [self._port.number]
        self._process: Process | None = None

    @property
    def address(self) -> str:
        """The address to connect to."""
        return LOOPBACK

    @property
    def port(self) -> int:
        """The port to connect to; it stays the same through stop, start and reboot."""
        return self._port.number

    @property
    def environment(self) -> dict[str, str]:
        """PATH, HOME and TMPDIR as sessions on the host have them."""
        return {
            "PATH": f"{self.commands.bin}:{_SYSTEM_PATH}",
            "HOME": str(self.home),
            "TMPDIR": str(self.folder / "tmp"),
            "LANG": "C.UTF-8",
        }

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self._prepare)
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()
        self._port.close()

    async def start(self) -> None:
        """Start the SSH server on the host's port.

        Raises:
            DemoError: it runs already, sshd is not installed, or it did not start; with the end of its log.
        """
        if self._process is not None:
            raise DemoError("the demonstration host is up already; it was not started again")
        sshd = shutil.which("sshd", path=_SYSTEM_PATH)
        if sshd is None:
            raise DemoError("sshd was not found; install the package openssh-server")
        command = [sshd, "-D", "-e", "-f", str(self.folder / "ssh" / "sshd_config")]
        process = Process(command, self.folder / "sshd.log", {"PATH": _SYSTEM_PATH})
        await process.start()
        try:
            await wait_until_listening(self.port, lambda: process.running)
        except DemoError as error:
            await process.end()
            raise DemoError(f"sshd did not start: {error}\n{process.log_tail()}") from error
        self._process = process

    async def stop(self) -> None:
        """Pull the plug: end sshd, its sessions and every process that they left on the host."""
        process, self._process = self._process, None
        if process is not None:
            await process.end()

    async def reboot(self) -> None:
        """Stop and start again, on the same port with the same key. Files stay; processes do not."""
        await self.stop()
        await self.start()

    async def change_key(self) -> None:
        """Give the host a new host key, as after a reinstallation; `known_hosts` keeps the old one.

        Live sessions go on. Returns when the new key is shown to who connects.

        Raises:
            DemoError: sshd did not take it.
        """
        await asyncio.to_thread(self._make_host_key)
        if self._process is None:
            return
        listened = self._times_listened()
        self._process.signal(signal.SIGHUP)
        deadline = time.monotonic() + 20
        while self._times_listened() == listened:
            if time.monotonic() > deadline:
                raise DemoError(f"sshd did not take its new host key within 20 s:\n{self._process.log_tail()}")
            await asyncio.sleep(0.01)

    def _times_listened(self) -> int:
        """How often sshd logged that it listens: once a start, and once more a SIGHUP."""
        return (self.folder / "sshd.log").read_text(errors="replace").count("Server listening on ")

    def trust(self, port: int | None = None) -> None:
        """Write the present host key to `known_hosts`.

        Args:
            port: a further port of 127.0.0.1 under which this host is reached, for example that of a `TcpProxy`.
        """
        if port is not None and port not in self._trusted:
            self._trusted.append(port)
        algorithm, key = (self.folder / "ssh" / "host_key.pub").read_text().split()[:2]
        lines = [f"[{self.address}]:{trusted} {algorithm} {key}\n" for trusted in self._trusted]
        self.known_hosts.write_text("".join(lines))

    def cut_sessions(self) -> int:
        """Kill every connection's sshd process; what sessions had started lives on, as after a broken line.

        Returns:
            How many processes were killed.
        """
        if self._process is None:
            return 0
        killed = 0
        for pid in proc.descendants(self._process.pid):
            if proc.name(pid) in _SSHD:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                    killed += 1
        return killed

    def left_processes(self) -> tuple[int, ...]:
        """Process ids of everything on the host but sshd: running commands and what they detached."""
        if self._process is None:
            return ()
        keeper = proc.parent(self._process.pid)
        return tuple(pid for pid in proc.descendants(keeper) if proc.name(pid) not in _SSHD)

    @contextlib.asynccontextmanager
    async def connect(self, port: int | None = None) -> AsyncIterator[asyncssh.SSHClientConnection]:
        """Connect with the host's own key pair, checking the host key.

        Args:
            port: the port to connect to instead of the host's, for example that of a `TcpProxy` that is trusted.
        """
        async with asyncssh.connect(
            self.address,
            port or self.port,
            username=self.user,
            client_keys=[str(self.key)],
            known_hosts=str(self.known_hosts),
            agent_path=None,
            config=None,
        ) as connection:
            yield connection

    def _prepare(self) -> None:
        if os.geteuid() == 0:
            # sshd started by root insists on its privilege separation folder, which the service's unit would make
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        self.folder.chmod(0o700)
        for name in ("ssh", "home", "tmp"):
            (self.folder / name).mkdir(mode=0o700, exist_ok=True)
        own = asyncssh.generate_private_key("ssh-ed25519", comment="demonstration")
        own.write_private_key(str(self.key))
        self.key.chmod(0o600)
        own.write_public_key(str(self.folder / "ssh" / "authorized_keys"))
        self._make_host_key()
        self.trust()
        self._write_config()
        self.commands.install()

    def _make_host_key(self) -> None:
        key = asyncssh.generate_private_key("ssh-ed25519", comment="")
        key.write_private_key(str(self.folder / "ssh" / "host_key"))
        (self.folder / "ssh" / "host_key").chmod(0o600)
        key.write_public_key(str(self.folder / "ssh" / "host_key.pub"))

    def _write_config(self) -> None:
        session = self.folder / "ssh" / "session"
        # sshd starts commands in the home of the machine's account; the demonstration has its own
        session.write_text('#!/bin/sh\ncd || exit 1\n[ -z "$SSH_ORIGINAL_COMMAND" ] && exec /bin/sh\n'
                           'exec /bin/sh -c "$SSH_ORIGINAL_COMMAND"\n')  # fmt: skip
        session.chmod(0o700)
        variables = " ".join(f'"{name}={value}"' for name, value in self.environment.items())
        lines = [
            *self._settings,
            f"Port {self.port}",
            f"ListenAddress {LOOPBACK}",
            f'HostKey "{self.folder}/ssh/host_key"',
            f'AuthorizedKeysFile "{self.folder}/ssh/authorized_keys"',
            "PidFile none",
            "StrictModes no",
            f"UsePAM {'yes' if _account_is_locked(self.user) else 'no'}",
            "PermitRootLogin prohibit-password",
            "PasswordAuthentication no",
            "KbdInteractiveAuthentication no",
            "UseDNS no",
            "PrintMotd no",
            "PrintLastLog no",
            f"Subsystem sftp {_SFTP}",
            f"SetEnv {variables}",
            f"ForceCommand exec {shlex.quote(str(session))}",
        ]
        (self.folder / "ssh" / "sshd_config").write_text("\n".join(lines) + "\n")


def _account_is_locked(user: str) -> bool:
    """Whether sshd would refuse the account for its locked password; PAM lets a key in all the same."""
    try:
        shadow = Path("/etc/shadow").read_text()
    except OSError:
        return False
    return any(line.startswith(f"{user}:!") for line in shadow.splitlines())
