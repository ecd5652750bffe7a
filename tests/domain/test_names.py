"""What people type is parsed at the door, by git's own rules for names."""

import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.errors import Reason, RefusedError
from bot.domain.names import Ref, Sha, is_name, nearest, parse_run_id, run_id


@pytest.mark.parametrize("text", ["main", "feature/token-id", "v1.2.3", "aace2d6", "releases/2026.11", "é"])
def test_refs_that_git_allows(text: str) -> None:
    assert Ref(text).text == text


@pytest.mark.parametrize(
    "text",
    ["", "-b", "--upload-pack=touch /tmp/x", "a..b", "a b", "a\nb", "HEAD~1", "a^", "a:b", "@", "@{-1}", "a.lock",
     "/a", "a/", "a//b", ".a", "a/.b", "a.", "a\\b", "a*", "a[", "a?", "x" * 201, "\ud83d"],
)  # fmt: skip
def test_refs_that_are_refused(text: str) -> None:
    with pytest.raises(RefusedError) as refusal:
        Ref(text)
    assert refusal.value.problem.reason is Reason.BAD_REF


@given(st.text(max_size=30))
def test_no_ref_is_taken_that_git_would_not_take(text: str) -> None:
    try:
        Ref(text)
    except RefusedError:
        return
    assert not text.startswith("-")
    assert subprocess.run(["git", "check-ref-format", "--allow-onelevel", text], check=False).returncode == 0


@given(st.binary(min_size=6, max_size=12))
def test_a_runs_id_is_read_back_however_it_is_typed(random: bytes) -> None:
    made = run_id(random)
    typed = made.lower().removeprefix("r-").replace("0", "o").replace("1", "l")
    assert parse_run_id(typed) == parse_run_id(made) == made
    assert is_name(made)


@pytest.mark.parametrize("text", ["", "R-", "R-123", "R-1234567", "../../etc", "R-12345U", "R 12345"])
def test_what_cannot_be_a_run_is_refused(text: str) -> None:
    with pytest.raises(RefusedError):
        parse_run_id(text)


@pytest.mark.parametrize("text", ["main", "a" * 39, "g" * 40, "A" * 40])
def test_only_a_full_name_is_a_commit(text: str) -> None:
    with pytest.raises(ValueError, match="commit"):
        Sha(text)


@pytest.mark.parametrize(
    ("word", "known", "meant"),
    [("compt", ["compte", "shop"], "compte"), ("prod", ["production", "staging"], "production"), ("zzz", ["a"], None)],
)
def test_the_nearest_name_is_found(word: str, known: list[str], meant: str | None) -> None:
    assert nearest(word, known) == meant


@pytest.mark.parametrize("text", ["", ".", "..", "a/b", "a..b", "-a", "a b", "é"])
def test_names_that_are_not_safe_in_a_path(text: str) -> None:
    assert not is_name(text)
