"""The kept pieces of an output, put together."""

from __future__ import annotations

import pytest

from bot.console.output import without_control_characters
from bot.console.run_output import assemble_output
from bot.engine.run_changes import Chunk
from tests.console.support.samples import CHUNKS, FAILED

GAP = "… 1,000 bytes are not kept here; they are in the journal on the host …\n"


def piece(offset: int, data: bytes) -> Chunk:
    return Chunk("migrate", "web1", 1, offset, data)


@pytest.mark.parametrize(
    ("pieces", "text", "missing"),
    [
        ([piece(0, b"one\n"), piece(4, b"two\n")], "one\ntwo\n", 0),
        ([piece(4, b"two\n"), piece(0, b"one\n")], "one\ntwo\n", 0),
        ([piece(0, b"one\n"), piece(1004, b"two\n")], f"one\n{GAP}two\n", 1000),
        ([piece(0, b"one\ntwo\n"), piece(4, b"two\nthree\n")], "one\ntwo\nthree\n", 0),
        # `***` stands for a longer secret: offsets count what the host printed
        ([piece(0, b"pw ***\n"), piece(14, b"two\n")], "pw ***\ntwo\n", 0),
        # and for a shorter one: nothing is cut
        ([piece(0, b"pw ***\n"), piece(6, b"two\n")], "pw ***\ntwo\n", 0),
        ([piece(0, "é".encode()[:1]), piece(1, "é".encode()[1:])], "é", 0),
        ([piece(0, b"\xff\n")], "\ufffd\n", 0),
    ],
)
def test_pieces(pieces, text, missing):
    (one,) = assemble_output(FAILED, tuple(pieces))
    assert (one.text, one.missing) == (text, missing)


def test_order_and_titles_are_the_run_s():
    assert [(one.key, one.title, one.place, one.state) for one in assemble_output(FAILED, CHUNKS)] == [
        ("preflight", "Look at the host", "web1", "done"),
        ("migrate", "Run the migrations", "web1", "failed"),
    ]


def test_an_earlier_attempt_has_no_state():
    (one,) = assemble_output(FAILED, (Chunk("down", "web2", 1, 0, b"x"),))
    assert (one.title, one.attempt, one.state) == ("Maintenance on", 1, "")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain\n\ttext", "plain\n\ttext"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07x", "x"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("10%\r20%\rdone\n", "done\n"),
        ("dos\r\nline", "dos\nline"),
        ("a\x08\x00\x7fb\x9b2Jc", "abc"),
        ("evil\u202egnp", "evilgnp"),
        ("\x1b(Bx\x1bcy", "xy"),
    ],
)
def test_what_a_terminal_would_obey_is_taken_out(text, shown):
    assert without_control_characters(text) == shown
