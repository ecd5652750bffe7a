"""The runner's program: which one, how it is found on a host, and how it gets there. Pure.

Each version of the bot brings its own, named by its SHA-256, so that older and newer bots work beside each other. A
host keeps it as `runner-SHA256`, in the folder of its journals (0700, the account's alone) or where root has put it. A
call that finds no file of that content says so, has done nothing, and is made again with the whole program in it.
"""

from __future__ import annotations

import hashlib
import shlex
from dataclasses import dataclass
from functools import cache
from importlib import resources

INSTALLED = "/usr/local/lib/countersign"
"""Folder on a host in which root may install programs."""

_LOAD = """\
program=
own=${{XDG_STATE_HOME:-${{HOME:-}}/.local/state}}/countersign
for kept in {installed}/"runner-$version" "$own/runner-$version"; do
  if [ -f "$kept" ]; then
    set -- $(umask; exec sha256sum <"$kept" 2>/dev/null)
    mask=$1
    [ "$2" != "$version" ] || break
  fi
  kept=
done
[ -n "$kept" ] || {{ printf '%s missing\\n' "$nonce" >&2; exit 0; }}
. "$kept\""""
"""Loads the program where a file has its content, which only the account itself could change afterwards.

`mask` is the account's own, for its steps; it is read here to spare the host a process.
"""


@dataclass(frozen=True)
class RunnerProgram:
    """A program for `sh`, which defines `main`.

    Args:
        text: of the program.
    """

    text: str

    @property
    def version(self) -> str:
        """Its SHA-256, 64 hexadecimal digits: the name under which it is kept."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    def load_kept(self) -> str:
        """Write shell text that defines `main` by the program that the host keeps, or answers `missing` and ends."""
        return f"version={self.version}\n{_LOAD.format(installed=INSTALLED)}"

    def bring(self) -> str:
        """Write shell text that defines `main` by the program in it, which `main` then keeps on the host."""
        return f'version={self.version}\nmask=$(umask)\nprogram={shlex.quote(self.text)}\neval "$program"'


@cache
def read_program() -> RunnerProgram:
    """Read the program of this version of the bot."""
    return RunnerProgram(resources.files("bot.hosts").joinpath("runner.sh").read_text())
