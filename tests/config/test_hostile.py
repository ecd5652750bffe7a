"""No text crashes the loader: it gives operations, or problems."""

from __future__ import annotations

from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.config.operations import load_operations
from bot.config.problems import ConfigurationError
from bot.config.variables import read_variables
from tests.config.support.example import ENVIRONMENT, RIGHT, accept

SECRET = "correct horse"
LINES = RIGHT.splitlines()
YAML_BITS = st.sampled_from(
    [
        "{",
        "}",
        "[",
        "]",
        ": ",
        "- ",
        "&a ",
        "*a",
        "<<: *a",
        "!x ",
        "!!int ",
        "!!binary ",
        "? ",
        ">",
        "'",
        "#",
        "\n",
        "  ",
        "~",
        "null",
        "1",
        "-1",
        "1e400",
        "0x",
        "2026-99-99",
        "12:30",
        "true",
        "${",
        "${PASSWORD}",
        "$$",
        "%",
        "---\n",
        "\t",
        "é",
        "\x00",
        "hosts",
        "apps",
        "web1",
        "version: 1\n",
    ]
)


def load_or_explain(text: str) -> None:
    try:
        load_operations(text, Path("ops.yaml"), ENVIRONMENT, accept)
    except ConfigurationError as error:
        told = f"{error} {error!r} {error.problems!r}"
    else:
        return
    assert "ops.yaml" in told
    assert SECRET not in told


@settings(max_examples=200, deadline=None)
@given(st.lists(YAML_BITS, max_size=30).map("".join))
@example("!!int ")
@example("!!set {a, b}")
@example("!!omap [a: 1]")
@example("a: !!timestamp x")
@example("a: !!float x\nb: !!bool x\nc: !!int x")
@example("? [a, b]\n: c")
@example("%YAML 1.1\n---\na: yes")
@example("%YAML 9.9\n---\na: 1")
@example("a: " + "9" * 5000)
@example("%TAG ! x\n--- !foo")
def test_bits_of_yaml(text):
    load_or_explain(text)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=200))
def test_any_text(text):
    load_or_explain(text)


@settings(max_examples=200, deadline=None)
@given(line=st.integers(0, len(LINES) - 1), bits=st.lists(YAML_BITS, max_size=4), cut=st.integers(0, 40))
def test_a_right_file_with_one_line_spoiled(line, bits, cut):
    spoiled = [*LINES]
    spoiled[line] = spoiled[line][:cut] + "".join(bits)
    load_or_explain("\n".join(spoiled))


@settings(max_examples=100, deadline=None)
@given(
    position=st.integers(0, RIGHT.count("[") + RIGHT.count(": ") - 1),
    value=st.sampled_from(["${PASSWORD}", '"a ${PASSWORD}"', "[${PASSWORD}]", "{a: ${PASSWORD}}"]),
)
def test_a_secret_in_any_place_is_never_shown(position, value):
    pieces = RIGHT.split(": ")
    index = position % (len(pieces) - 1) + 1
    rest = pieces[index].split("\n", 1)
    pieces[index] = "\n".join([value, *rest[1:]])
    load_or_explain(": ".join(pieces))


@settings(max_examples=100, deadline=None)
@given(content=st.binary(max_size=200))
def test_any_env_file(tmp_path_factory, content):
    file = tmp_path_factory.mktemp("env") / ".env"
    file.write_bytes(content)
    read_variables(file, {})
