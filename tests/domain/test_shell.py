"""A command is a value that quotes itself."""

import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.runs.plan_json import command_from_json, command_to_json
from bot.domain.secrets import Masker, Secret
from bot.domain.shell import Command, Hidden, Syntax, Word, command, fill, placeholders

words = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=40)


@given(words)
def test_what_a_person_typed_reaches_the_program_as_it_is(text: str) -> None:
    script = fill("printf %s {text}", {"text": text}).script()
    assert subprocess.run(["sh", "-c", script], capture_output=True, check=True).stdout == text.encode()


@given(st.lists(words, min_size=1, max_size=5))
def test_a_stored_command_is_the_same_command(texts: list[str]) -> None:
    made = command(*texts)
    assert command_from_json(command_to_json(made)) == made


@pytest.mark.parametrize(
    ("template", "names"),
    [
        ("php artisan down --retry={retry}", {"retry"}),
        ("echo ${HOME} $((1 + 2)) {a} {b}", {"a", "b"}),
        ("awk '{ print $1 }'", set()),
        ("${name}", set()),
    ],
)
def test_a_template_asks_for_names_and_leaves_the_shells_own_alone(template: str, names: set[str]) -> None:
    assert placeholders(template) == names
    assert fill(template, dict.fromkeys(names, "x")).script() == template.replace("{retry}", "x").replace(
        "{a}", "x"
    ).replace("{b}", "x")


def test_a_hidden_part_is_shown_to_nobody_and_never_stored() -> None:
    made = Command((Syntax("mysql -p"), Hidden(Secret("s3cr3t pass"))))
    assert made.script() == "mysql -p's3cr3t pass'"
    assert str(made) == "mysql -p***"
    assert "s3cr3t" not in repr(made)
    with pytest.raises(TypeError):
        command_to_json(made)


def test_no_argument_has_a_nul_byte() -> None:
    with pytest.raises(ValueError, match="NUL"):
        Word("a\0b")


@pytest.mark.parametrize("shown", ["{0}", "{0!r}", "{0!s}", "{0:>20}"])
def test_a_secret_prints_as_stars(shown: str) -> None:
    assert "hunter22" not in shown.format(Secret("hunter22"))


def test_masking_takes_the_longest_secret_first_and_each_line_of_one() -> None:
    masker = Masker((Secret("pass"), Secret("password1"), Secret("-----KEY\nabcdef\n")))
    assert masker.mask("password1 pass abcdef") == "*** *** ***"
    assert masker.mask_bytes(b"x=password1\n") == b"x=***\n"
