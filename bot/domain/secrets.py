"""Secret values, and masking them in text that may leave the program."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

MASK = "***"

_MIN_LENGTH = 4
"""Shorter values are not masked: `1` or `app` would blacken half of every log and hide nothing."""

_MIN_PREFIX = 8
"""Characters of a secret that a program must print before an ellipsis for the rest to be taken for cut off."""

_MAX_PREFIX = 64
"""Characters up to which a cut-off secret is followed; PHP cuts arguments in a stack trace to 15."""

_ELLIPSIS = r"(?:\.\.\.|…)"
_PLAIN = re.compile(r"[A-Za-z0-9]+")
_UNRESERVED = re.compile(r"[A-Za-z0-9]")
_ENTITIES = {"&": ("&amp;",), "<": ("&lt;",), ">": ("&gt;",), '"': ("&quot;",), "'": ("&#0?39;", "&#x27;", "&apos;")}
_CONTROLS = {"\n": r"\\+n", "\r": r"\\+r", "\t": r"\\+t", "\b": r"\\+b", "\f": r"\\+f"}


class Secret:
    """A value that prints as `***` wherever it is formatted, logged or shown.

    Args:
        value: the secret itself; only `reveal` gives it back.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Give the value itself, for the one place that needs it."""
        return self._value

    def __repr__(self) -> str:
        return MASK

    __str__ = __repr__

    def __format__(self, specification: str) -> str:
        return MASK

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __reduce__(self) -> str:
        raise TypeError("a secret is not pickled")


@dataclass(frozen=True)
class Masker:
    r"""Replaces every known secret in a text by `***`, however a program has spelled it.

    A spelling is the value itself; with characters escaped for JSON (PHP's `\\/` too), a URL, HTML, SQL or a shell; in
    base64, also as a part of a longer text; or its first characters followed by an ellipsis.

    Args:
        secrets: the secrets of this installation.
    """

    secrets: tuple[Secret, ...]
    _spellings: tuple[_Spelling, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        lines = {
            line
            for secret in self.secrets
            for line in (secret.reveal(), *secret.reveal().splitlines())
            if len(line) >= _MIN_LENGTH
        }
        # Longest first: a secret that contains another one is masked whole.
        ordered = sorted(lines, key=lambda line: (-len(line), line))
        object.__setattr__(self, "_spellings", tuple(found for line in ordered for found in _spellings(line)))

    def mask(self, text: str) -> str:
        """Mask a whole text.

        Args:
            text: anything that may leave the program, not cut inside of a secret.

        Returns:
            The text with each secret replaced by `***`.
        """
        for spelling in self._spellings:
            if spelling.anchor in text:
                text = spelling.pattern.sub(MASK, text)
        return text

    def mask_bytes(self, chunk: bytes) -> bytes:
        """Mask a piece of a host's output.

        Args:
            chunk: whole lines, or a piece that ends where `safe_cut` says.

        Returns:
            The bytes with each secret replaced by `***`.
        """
        for spelling in self._spellings:
            if spelling.anchor_bytes in chunk:
                chunk = spelling.pattern_bytes.sub(MASK.encode(), chunk)
        return chunk

    def mask_cut(self, text: str) -> str:
        """Mask a text that was cut to its end: what is left of a secret at its beginning is masked too.

        Args:
            text: the last characters of a longer text.

        Returns:
            The text with each secret, and the rest of one that was cut, replaced by `***`.
        """
        longest = max((len(rest[0]) for s in self.secrets for rest in _rests(s.reveal(), text)), default=0)
        return (MASK if longest else "") + self.mask(text[longest:])

    def safe_cut(self, chunk: bytes) -> int:
        """Find where a piece of output can end without cutting a secret in two.

        Args:
            chunk: output, of which more may follow.

        Returns:
            The number of bytes that can be masked and passed on now; the rest must wait for what follows.
        """
        cut = max(0, len(chunk) - max((spelling.longest for spelling in self._spellings), default=0))
        spans = [
            match.span()
            for spelling in self._spellings
            if spelling.anchor_bytes in chunk
            for match in spelling.pattern_bytes.finditer(chunk)
        ]
        for start, end in sorted(spans):
            if start < cut < end:
                cut = end
        return cut


def masker_of(secrets: Iterable[Secret]) -> Masker:
    """Build a masker from any collection of secrets."""
    return Masker(tuple(secrets))


@dataclass(frozen=True)
class _Spelling:
    """A family of spellings of one secret.

    Args:
        source: of a regular expression that matches them.
        anchor: letters and digits that each of them contains; finding these first is many times faster.
        longest: bytes that one of them has at most.
    """

    source: str
    anchor: str
    longest: int

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        return re.compile(self.source)

    @cached_property
    def pattern_bytes(self) -> re.Pattern[bytes]:
        return re.compile(self.source.encode())

    @cached_property
    def anchor_bytes(self) -> bytes:
        return self.anchor.encode()


def _spellings(value: str) -> Iterator[_Spelling]:
    yield _escaped(value)
    yield from _in_base64(value)


def _escaped(value: str) -> _Spelling:
    """Give the spellings that escape single characters, or break off behind some of them."""
    parts = [_character(character) for character in value]
    source = "".join(parts)
    longest = sum(_longest_character(character) for character in value)
    if len(parts) <= _MIN_PREFIX:
        return _Spelling(source, _anchor(value), longest)
    optional = ""
    for part in reversed(parts[_MIN_PREFIX : min(len(parts) - 1, _MAX_PREFIX)]):
        optional = f"(?:{part}{optional})?"
    cut = "".join(parts[:_MIN_PREFIX]) + optional + _ELLIPSIS
    return _Spelling(f"(?:{source}|{cut})", _anchor(value[:_MIN_PREFIX]), longest + 3)


def _character(character: str) -> str:
    """Write a regular expression for every way in which one character is escaped."""
    if _UNRESERVED.fullmatch(character):
        return character
    percent = "".join(_percent(byte) for byte in character.encode(errors="surrogatepass"))
    utf16 = character.encode("utf-16-be", errors="surrogatepass").hex()
    unicode = "".join(r"\\+u" + _any_case(utf16[i : i + 4]) for i in range(0, len(utf16), 4))
    ways = [rf"\\{{0,4}}{re.escape(character)}", percent, unicode, *_ENTITIES.get(character, ())]
    if character == "\\":
        ways[0] = r"\\{1,4}"
    if character == "'":
        ways += ["''", r"'\\''", "'\"'\"'"]
    if character == " ":
        ways.append(r"\+")
    if character in _CONTROLS:
        ways.append(_CONTROLS[character])
    return f"(?:{'|'.join(sorted(ways, key=len, reverse=True))})"


def _longest_character(character: str) -> int:
    r"""Give the bytes that one character takes at most: doubly escaped, or `\\uXXXX` for each of its UTF-16 units."""
    return 1 if _UNRESERVED.fullmatch(character) else 4 + 12 * len(character.encode("utf-16-be", "surrogatepass")) // 2


def _percent(byte: int) -> str:
    return "%(?:25)?" + _any_case(f"{byte:02x}")


def _any_case(digits: str) -> str:
    return "".join(f"[{digit}{digit.upper()}]" if digit.isalpha() else digit for digit in digits)


def _in_base64(value: str) -> Iterator[_Spelling]:
    """Give the base64 of a value at each of its three alignments, without the characters that neighbours change."""
    data = value.encode(errors="surrogatepass")
    for before in range(3):
        text = base64.b64encode(b"\0" * before + data).decode().rstrip("=")
        first = (0, 2, 3)[before]
        whole = (before + len(data)) % 3 == 0
        core = text[first : len(text) if whole else len(text) - 1]
        if len(core) < _MIN_PREFIX:
            continue
        source = "".join(_BASE64.get(character, character) for character in core)
        yield _Spelling(source, _anchor(core), 4 * len(core))


_BASE64 = {"+": r"(?:\+|-|%2[bB])", "/": r"(?:\\{0,2}/|_|%2[fF])"}


def _anchor(text: str) -> str:
    """Give the longest run of letters and digits, which no spelling changes."""
    return max(_PLAIN.findall(text), key=len, default="")


def _rests(value: str, text: str) -> Iterator[re.Match[str]]:
    """Find the ends of a value with which a text begins."""
    parts = [_character(character) for character in value]
    for start in range(1, len(parts) - _MIN_LENGTH + 1):
        match = re.match("".join(parts[start:]), text)
        if match is not None:
            yield match
