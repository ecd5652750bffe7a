"""What the scripts of backups share, in the shells that hosts have."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bot.databases.backups.dump_script import PREAMBLE
from tests.databases.support.local import stand_in

CLEARS_UP = """
tidy() {
  echo begun
  read -r goes_on
  echo done
}
at_the_end tidy
"""

THREE_STAGES = """
stages=$({ staged one printf 'a b' | staged two sh -c 'cat; exit 3' | staged three wc -c >&2; } 3>&1)
stage two
staged_well one three && echo "both well"
staged_well one two three || echo "not all well"
staged_well four || echo "a stage that never was"
"""

SHELLS = ["dash", "bash"]


@contextmanager
def script(shell: str, text: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [shell, "-c", f"COUNTERSIGN_FILES=/nonexistent\n{PREAMBLE}\n{text}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("again", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
@pytest.mark.parametrize("shell", SHELLS)
def test_what_clears_up_is_not_cut_short_by_who_asks_again(shell: str, again: signal.Signals) -> None:
    with script(shell, f"{CLEARS_UP}\nexit 41") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        process.send_signal(again)
        said, _ = process.communicate("go on\n", timeout=20)
    assert (said, process.returncode) == ("done\n", 41)


@pytest.mark.parametrize("shell", SHELLS)
def test_who_is_ended_clears_up_once(shell: str) -> None:
    with script(shell, f"{CLEARS_UP}\necho waits\nread -r nothing") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "waits\n"
        process.send_signal(signal.SIGTERM)
        # In some shells a read that was interrupted goes on first.
        said, _ = process.communicate("go on\ngo on\n", timeout=20)
    assert (said, process.returncode) == ("begun\ndone\n", 143)


@pytest.mark.parametrize("shell", SHELLS)
def test_each_stage_of_a_pipeline_tells_how_it_ended(shell: str) -> None:
    said = subprocess.run(
        [shell, "-c", f"COUNTERSIGN_FILES=/nonexistent\n{PREAMBLE}\n{THREE_STAGES}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout == "3\nboth well\nnot all well\na stage that never was\n"
    assert said.stderr.strip() == "3"


@pytest.mark.parametrize("stdbuf", [None, "exit 125"], ids=["none", "broken"])
@pytest.mark.parametrize("shell", SHELLS)
def test_where_pieces_cannot_be_made_large_they_stay_small(shell: str, stdbuf: str | None, tmp_path: Path) -> None:
    folder = stand_in(tmp_path / "bin", "cat", 'exec /usr/bin/cat "$@"')
    if stdbuf is not None:
        stand_in(folder, "stdbuf", stdbuf)
    said = subprocess.run(
        [f"/usr/bin/{shell}", "-c", f"COUNTERSIGN_FILES=/nonexistent\n{PREAMBLE}\nin_large_pieces cat"],
        input="what goes through",
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": str(folder)},
    )
    assert said.stdout == "what goes through"
