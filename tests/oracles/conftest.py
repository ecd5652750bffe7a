"""Slack's own types, schema and client, from npm.

`make oracles` installs them; without them nothing here is collected.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

HERE = Path(__file__).parent
MODULES = HERE / "node_modules"

collect_ignore_glob = [] if MODULES.exists() else ["test_*.py"]


def node(program: str, *words: str, seconds: float = 120) -> str:
    """Run one of the programs of this folder, and give what it printed.

    Raises:
        AssertionError: its exit status was not 0; the message is what it printed.
    """
    done = subprocess.run(
        ["node", program, *words], cwd=HERE, capture_output=True, text=True, timeout=seconds, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
