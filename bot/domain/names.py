"""Names typed by people, parsed and validated, and the IDs that the bot generates."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from bot.domain.errors import Reason, RefusedError, problem

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_SHA = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_REF_FORBIDDEN = re.compile(r"[\x00-\x20\x7f\ud800-\udfff~^:?*\[\\]|\.\.|@\{|//")
_LONGEST_REF = 200


def is_name(text: str) -> bool:
    """Say whether a text can name an app, an environment, a host or a step; such a name is safe in a path."""
    return _NAME.fullmatch(text) is not None and ".." not in text


@dataclass(frozen=True)
class Ref:
    """A branch, a tag or a commit that somebody asked for, by git's own rules for names.

    Args:
        text: as typed; never starts with `-`, so no program can mistake it for an option.

    Raises:
        RefusedError: `bad_ref`, the text is not a name that git allows.
    """

    text: str

    def __post_init__(self) -> None:
        # The rules of git-check-ref-format(1), without the one that asks for a slash.
        parts = self.text.split("/")
        allowed = (
            0 < len(self.text) <= _LONGEST_REF
            and self.text != "@"
            and not self.text.startswith("-")
            and not self.text.endswith(".")
            and _REF_FORBIDDEN.search(self.text) is None
            and all(part and not part.startswith(".") and not part.endswith(".lock") for part in parts)
        )
        if not allowed:
            raise RefusedError(problem(Reason.BAD_REF, ref=self.text[:_LONGEST_REF]))

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Sha:
    """The full hash of a commit: 40 (or 64) hexadecimal digits.

    Raises:
        ValueError: it is not one.
    """

    text: str

    def __post_init__(self) -> None:
        if _SHA.fullmatch(self.text) is None:
            raise ValueError(f"not the full name of a commit: {self.text!r}")

    def __str__(self) -> str:
        return self.text

    @property
    def short(self) -> str:
        """The first 7 digits, for people."""
        return self.text[:7]


@dataclass(frozen=True, order=True)
class TargetName:
    """One app in one environment."""

    app: str
    environment: str

    def __str__(self) -> str:
        return f"{self.app} {self.environment}"


RUN_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32, without letters that can be mistaken for digits."""

_RUN = re.compile(r"R-[0-9A-HJKMNP-TV-Z]{6}")


def run_id(random: bytes) -> str:
    """Generate a run's ID from random bytes.

    Args:
        random: at least 6 random bytes.

    Returns:
        `R-` and 6 characters, such as `R-7K3F9Q`.
    """
    return "R-" + "".join(RUN_ALPHABET[byte % 32] for byte in random[:6])


def parse_run_id(text: str) -> str:
    """Parse a run's ID as typed: in any case, with or without `R-`, with O for 0 and I or L for 1.

    Raises:
        RefusedError: `unknown_run`, the text is not an ID.
    """
    body = text.strip().upper().removeprefix("R-").translate(str.maketrans("OIL", "011"))
    candidate = f"R-{body}"
    if _RUN.fullmatch(candidate) is None:
        raise RefusedError(problem(Reason.UNKNOWN_RUN, run=text[:40]))
    return candidate


def nearest(word: str, known: Iterable[str], *, similar: float = 0.5) -> str | None:
    """Find the name that was probably meant.

    Args:
        word: what was typed.
        known: the names that exist.
        similar: how much alike they must be, from 0 to 1.

    Returns:
        The most similar name; None if none is similar enough.
    """
    close = get_close_matches(word.lower(), list(known), n=1, cutoff=similar)
    return close[0] if close else None
