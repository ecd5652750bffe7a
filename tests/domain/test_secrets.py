"""Masking: a secret is found however a program spells it, and wherever a stream is cut."""

from __future__ import annotations

import base64
import html
import json
import shlex
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.secrets import MASK, Masker, Secret, masker_of

SECRET = "Pa/ss\"wörd+ 12'\\x&end<of>it"

SPELLINGS: dict[str, Callable[[str], str]] = {
    "itself": lambda value: value,
    "JSON": json.dumps,
    "JSON in UTF-8": lambda value: json.dumps(value, ensure_ascii=False),
    "PHP's JSON": lambda value: json.dumps(value).replace("/", "\\/"),
    "JSON in JSON": lambda value: json.dumps(json.dumps(value)),
    "URL": lambda value: quote(value, safe=""),
    "URL with slashes": quote,
    "URL in lower case": lambda value: quote(value, safe="").replace("%C3", "%c3").replace("%2F", "%2f"),
    "form": quote_plus,
    "URL in URL": lambda value: quote(quote(value, safe=""), safe=""),
    "HTML": html.escape,
    "shell": shlex.quote,
    "SQL": lambda value: value.replace("\\", "\\\\").replace("'", "\\'"),
    "standard SQL": lambda value: value.replace("'", "''"),
}

secrets = st.text(st.characters(min_codepoint=32, max_codepoint=0x2FFF, exclude_categories=("Cs", "Cc")), min_size=8)
plain = st.text("abcdefghij 0123456789\n", max_size=60)


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_each_spelling_is_masked(spelling: str) -> None:
    spelled = SPELLINGS[spelling](SECRET)
    masked = masker_of([Secret(SECRET)]).mask(f"before {spelled} after")
    assert MASK in masked
    assert masked.startswith("before ")
    assert masked.endswith(" after")
    assert "12" not in masked


@given(secrets, st.sampled_from(sorted(SPELLINGS)), plain, plain)
def test_any_secret_is_masked_in_any_spelling(value: str, spelling: str, before: str, after: str) -> None:
    masker = masker_of([Secret(value)])
    spelled = SPELLINGS[spelling](value)
    assert spelled not in masker.mask(f"{before}{spelled}{after}")
    assert spelled.encode() not in masker.mask_bytes(f"{before}{spelled}{after}".encode())


@given(
    st.binary(max_size=40),
    secrets,
    st.binary(max_size=40),
    st.sampled_from([base64.b64encode, base64.urlsafe_b64encode]),
)
def test_base64_is_masked_at_every_alignment(
    before: bytes, value: str, after: bytes, encode: Callable[[bytes], bytes]
) -> None:
    data = value.encode()
    masked = masker_of([Secret(value)]).mask(encode(before + data + after).decode())
    if len(data) >= 9:
        assert MASK in masked


@pytest.mark.parametrize("length", [8, 15, 20])
@pytest.mark.parametrize("ellipsis", ["...", "…"])
def test_a_secret_that_a_stack_trace_cuts_is_masked(length: int, ellipsis: str) -> None:
    masker = masker_of([Secret("correct-horse-battery-staple")])
    cut = "correct-horse-battery-staple"[:length]
    assert masker.mask(f"#0 connect('{cut}{ellipsis}', 3306)") == f"#0 connect('{MASK}', 3306)"


def test_the_beginning_alone_is_no_secret() -> None:
    assert masker_of([Secret("correct-horse-battery-staple")]).mask("a correct-horse race") == "a correct-horse race"


@given(secrets, plain, plain, st.integers(1, 30))
def test_no_piece_of_a_stream_shows_a_secret(value: str, before: str, after: str, size: int) -> None:
    masker = masker_of([Secret(value)])
    stream = f"{before}{value}{after}".encode()
    shown, waiting = b"", b""
    for start in range(0, len(stream), size):
        waiting += stream[start : start + size]
        end = masker.safe_cut(waiting)
        shown += masker.mask_bytes(waiting[:end])
        waiting = waiting[end:]
    shown += masker.mask_bytes(waiting)
    assert shown == masker.mask_bytes(stream)


@pytest.mark.parametrize("start", [1, 5, 20])
def test_what_is_left_of_a_secret_at_the_beginning_of_a_tail_is_masked(start: int) -> None:
    masker = masker_of([Secret("correct-horse-battery-staple")])
    assert masker.mask_cut("correct-horse-battery-staple"[start:] + " and more") == f"{MASK} and more"


def test_a_tail_without_a_secret_is_left_alone() -> None:
    assert masker_of([Secret("correct-horse-battery-staple")]).mask_cut("le and more") == "le and more"


def test_a_secret_within_another_is_masked_whole() -> None:
    assert (
        Masker((Secret("horse-battery"), Secret("correct-horse-battery-staple"))).mask("correct-horse-battery-staple")
        == MASK
    )


def test_short_values_blacken_nothing() -> None:
    assert masker_of([Secret("app")]).mask("the app") == "the app"
