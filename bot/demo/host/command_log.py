"""The log of commands that ran on the demonstration host, and how to make them fail or wait."""

import contextlib
import itertools
import json
import shlex
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from bot.demo.host import fake_program

ACTED = ("sudo", "systemctl", "composer", "npm")
"""Commands that a stand-in simulates."""

_RECORDER = """\
#!/bin/sh
# Records words that JSON writes as they are without the 30 ms that Python takes to start; others go the careful way.
case "$PWD$*" in *[\\"\\\\]* | *[!]\\ !#-[^-~]*) exec {careful} "$@" ;; esac
if [ -e {behaviours} ] || [ ${{#*}} -gt 2000 ]; then exec {careful} "$@"; fi
words='"{name}"'
for word do words="$words, \\"$word\\""; done
printf '{{"time": %s, "argv": [%s], "cwd": "%s", "pid": %d}}\\n' "$(date +%s.%N)" "$words" "$PWD" "$$" >>{ledger}
exec {program} "$@"
"""


@dataclass(frozen=True, slots=True)
class LoggedCommand:
    """One command that was started on the host.

    Attributes:
        time: seconds since 1970.
        argv: the command's words, its name first.
        cwd: the folder it was started in.
        pid: its process id, also after a real program took it over.
    """

    time: float
    argv: tuple[str, ...]
    cwd: str
    pid: int


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How commands that begin with certain words behave.

    Attributes:
        words: the first words of the command, its name first.
        exit_status: end with this status without doing anything; None does what the command does.
        stderr: what it prints then.
        until_gone: a file; it waits while that exists. None does not wait.
        cwd: only commands that are started in this folder; None is any.
    """

    words: tuple[str, ...]
    exit_status: int | None = None
    stderr: str = ""
    until_gone: str | None = None
    cwd: str | None = None


class StandInCommands:
    """The stand-in commands of one host: a `bin` folder to put first on PATH, and the log they write.

    Args:
        folder: the host's folder.
        recorded: real commands that are logged and then really run; those that are not installed are
            left out.
        path: where real commands are looked for, as in PATH.
    """

    def __init__(self, folder: Path, recorded: Sequence[str], path: str) -> None:
        self._folder = folder
        self._recorded = {name: found for name in recorded if (found := shutil.which(name, path=path))}
        self._behaviours: list[Behaviour] = []
        self._holds = itertools.count(1)
        self.bin = folder / "bin"
        """The folder of the commands."""

    def install(self) -> None:
        """Write the commands and an empty log; no behaviours are set."""
        self.bin.mkdir(parents=True, exist_ok=True)
        (self._folder / "units").mkdir(exist_ok=True)
        call = [sys.executable, "-I", "-S", fake_program.__file__, str(self._folder)]
        for name in ACTED:
            self._write_command(name, f'#!/bin/sh\nexec {shlex.join([*call, name])} "$@"\n')
        for name, program in self._recorded.items():
            script = _RECORDER.format(
                careful=shlex.join([*call, name]),
                behaviours=shlex.quote(str(self._folder / "behaviours.json")),
                ledger=shlex.quote(str(self._folder / "ledger.jsonl")),
                name=name,
                program=shlex.quote(program),
            )
            self._write_command(name, script)
        self.forget()

    def _write_command(self, name: str, script: str) -> None:
        (self.bin / name).write_text(script)
        (self.bin / name).chmod(0o700)

    def entries(self) -> tuple[LoggedCommand, ...]:
        """Everything that ran since the log was last cleared, in the order of starting."""
        try:
            lines = (self._folder / "ledger.jsonl").read_text().splitlines()
        except FileNotFoundError:
            return ()
        return tuple(LoggedCommand(e["time"], tuple(e["argv"]), e["cwd"], e["pid"]) for e in map(json.loads, lines))

    def ran(self, words: str, cwd: Path | None = None) -> tuple[LoggedCommand, ...]:
        """The entries whose command begins with these words.

        Args:
            words: as in a shell, for example `php artisan migrate` or `systemctl restart php8.2-fpm`. What ran
                through `sudo` has an entry for `sudo …` and one for the command itself.
            cwd: only those that were started in this folder; None is any.
        """
        wanted = tuple(shlex.split(words))
        return tuple(
            entry for entry in self.entries() if entry.argv[: len(wanted)] == wanted and cwd in (None, Path(entry.cwd))
        )

    def forget(self) -> None:
        """Clear the log and every behaviour."""
        (self._folder / "ledger.jsonl").write_text("")
        for unit in (self._folder / "units").iterdir():
            unit.unlink()
        self._behaviours = []
        (self._folder / "behaviours.json").unlink(missing_ok=True)

    def fail(self, words: str, *, exit_status: int = 1, stderr: str = "made to fail") -> None:
        """Make commands that begin with these words fail without doing anything.

        Args:
            words: as in a shell.
            exit_status: the status they end with.
            stderr: what they print.
        """
        self._add(Behaviour(tuple(shlex.split(words)), exit_status=exit_status, stderr=stderr))

    @contextlib.contextmanager
    def hold(self, words: str, cwd: Path | None = None) -> Iterator[None]:
        """Make commands that begin with these words wait, once they are logged, until the end of the block.

        Args:
            words: as in a shell.
            cwd: only those that are started in this folder; None is any.
        """
        held = self._folder / f"held-{next(self._holds)}"
        held.touch()
        behaviour = Behaviour(
            tuple(shlex.split(words)), until_gone=str(held), cwd=str(cwd) if cwd is not None else None
        )
        self._add(behaviour)
        try:
            yield
        finally:
            held.unlink(missing_ok=True)
            self._remove(behaviour)

    def fail_unit(self, unit: str) -> None:
        """Make `systemctl restart UNIT` fail and `systemctl is-active UNIT` answer `failed`.

        Args:
            unit: the unit's name, without `.service`.
        """
        (self._folder / "units" / unit).touch()

    def mend_unit(self, unit: str) -> None:
        """End what `fail_unit` began.

        Args:
            unit: the unit's name, without `.service`.
        """
        (self._folder / "units" / unit).unlink(missing_ok=True)

    def _add(self, behaviour: Behaviour) -> None:
        self._behaviours.append(behaviour)
        self._write_behaviours()

    def _remove(self, behaviour: Behaviour) -> None:
        if behaviour in self._behaviours:
            self._behaviours.remove(behaviour)
            self._write_behaviours()

    def _write_behaviours(self) -> None:
        if not self._behaviours:
            (self._folder / "behaviours.json").unlink(missing_ok=True)
            return
        new = self._folder / "behaviours.json.new"
        new.write_text(json.dumps([asdict(behaviour) for behaviour in self._behaviours]))
        new.replace(self._folder / "behaviours.json")
