"""What goes to a host and what its answers mean: no I/O but a shell that reads the words back."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.secrets import Secret
from bot.hosts.journal import (
    Absent,
    CheckoutMoved,
    CheckoutUnreadable,
    Claimed,
    DirectoryMissing,
    EndCause,
    Exited,
    GroupEnded,
    GroupRemains,
    Identity,
    JournalUnwritable,
    Lost,
    NeverStarted,
    Overtaken,
    ProgramMissing,
    RunnerCall,
    RunnerReply,
    RunnerStarted,
    Running,
    StepCall,
    StepEnded,
    Unclaimed,
    Work,
    parse_reply,
    runner_input,
)
from bot.hosts.runner_program import RunnerProgram, read_program

SAYINGS: list[tuple[str, RunnerReply | None]] = [
    ("N hello", RunnerStarted()),
    ("N missing", ProgramMissing()),
    ("N claimed", Claimed()),
    ("N running 12", Running(12)),
    ("N running -1", Running(-1)),
    ("N ended exit 0 ", Exited(0)),
    ("N ended exit 137", Exited(137)),
    ("N ended timed-out gone", StepEnded(EndCause.TIMED_OUT, gone=True)),
    ("N ended timed-out there", StepEnded(EndCause.TIMED_OUT, gone=False)),
    ("N ended cancelled gone", StepEnded(EndCause.CANCELLED, gone=True)),
    ("N ended cancelled never", NeverStarted()),
    ("N ended refused directory ", DirectoryMissing()),
    ("N ended refused checkout ", CheckoutUnreadable()),
    ("N ended refused moved abc", CheckoutMoved("abc")),
    ("N never", NeverStarted()),
    ("N unclaimed", Unclaimed()),
    ("N lost", Lost()),
    ("N absent", Absent()),
    ("N overtaken 7", Overtaken("7")),
    ("N cannot make /a b", JournalUnwritable("make /a b")),
    ("N ending gone", GroupEnded()),
    ("N ending never", NeverStarted()),
    ("N ending there", GroupRemains()),
    ("M ended exit 0", None),
    ("ended exit 0", None),
    ("N", None),
    ("", None),
    ("N ended exit", None),
    ("N ended exit x", None),
    ("N running", None),
    ("xN ended exit 0", None),
]


@pytest.mark.parametrize(("line", "meaning"), SAYINGS)
def test_each_line_of_the_runner_has_one_meaning(line: str, meaning: RunnerReply | None) -> None:
    assert parse_reply(line.encode() + b"\n", "N") == meaning


@given(st.binary())
def test_no_line_without_the_nonce_means_anything(line: bytes) -> None:
    assert parse_reply(line, "b2f60f6d9d3c11e8") is None


@pytest.mark.parametrize(
    ("run", "key", "attempt"),
    [("../R", "k", 1), ("R-1", "a/b", 1), ("R-1", "-k", 1), ("R-1", "k", 0), ("", "k", 1), ("R 1", "k", 1)],
)
def test_an_identity_that_is_not_safe_in_a_path_is_refused(run: str, key: str, attempt: int) -> None:
    with pytest.raises(ValueError, match="not the identity"):
        Identity(run, "web1", key, attempt)


@pytest.mark.parametrize("name", ["../x", "a/b", "", "-x", "a b", "x\n"])
def test_a_private_file_with_an_unsafe_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="private file"):
        Work("true", "/", 1, files={name: Secret("s")})


def test_nul_bytes_are_refused_where_a_shell_would_drop_them() -> None:
    for work in (lambda: Work("a\0b", "/", 1), lambda: Work("a", "/\0", 1)):
        with pytest.raises(ValueError, match="NUL"):
            work()
    with pytest.raises(ValueError, match="NUL"):
        Work("a", "/", 1, files={"f": Secret("a\0b")})


def told(work: Work, body: str) -> bytes:
    """Write a message with a runner of its own."""
    load = RunnerProgram(body).bring()
    return runner_input(RunnerCall.START, [StepCall(Identity("R-1", "web1", "k", 1), work)], 1, "N", load)


TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"))


@given(script=TEXTS, content=TEXTS)
def test_scripts_directories_and_secrets_arrive_byte_for_byte(script: str, content: str) -> None:
    work = Work(script, script, 30, files={"credentials": Secret(content)})
    body = 'main() { step_1; printf "%s\\0" "$script" "$directory" "$@"; }\n'
    ended = subprocess.run(["sh"], input=told(work, body), capture_output=True, timeout=20, check=True)
    assert ended.stdout.split(b"\0") == [
        script.encode(),
        script.encode(),
        b"start",
        b"credentials",
        content.encode(),
        b"",
    ]


def test_a_message_that_was_cut_anywhere_runs_nothing() -> None:
    work = Work("echo 'it''s'; }", "/", 30, files={"f": Secret("x'\n}\ny")})
    text = told(work, "main() { echo 'ran'; }\n")
    whole = subprocess.run(["sh"], input=text, capture_output=True, timeout=20, check=True)
    assert whole.stdout == b"ran\n"
    for cut in range(len(text) - 2):
        ended = subprocess.run(["sh"], input=text[:cut], capture_output=True, timeout=20, check=False)
        assert ended.stdout == b"", text[:cut]


@pytest.mark.parametrize("shell", ["sh", "dash", "bash"])
def test_the_runner_is_plain_posix(shell: str) -> None:
    subprocess.run([shell, "-n"], input=read_program().text.encode(), timeout=20, check=True)
