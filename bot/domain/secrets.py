"""Values that must not be read by people, and the masking of text that might contain them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

MASK = "***"

_SHORTEST_MASKED = 4
"""Shorter values are not masked: `1` or `app` would blacken half of every log and hide nothing."""


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
    """Replaces every known secret in a text by `***`.

    Args:
        secrets: the secrets of this installation.
    """

    secrets: tuple[Secret, ...]
    _needles: tuple[str, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        lines = {
            line
            for secret in self.secrets
            for line in (secret.reveal(), *secret.reveal().splitlines())
            if len(line) >= _SHORTEST_MASKED
        }
        # Longest first: a secret that contains another one is masked whole.
        object.__setattr__(self, "_needles", tuple(sorted(lines, key=len, reverse=True)))

    def mask(self, text: str) -> str:
        """Mask a whole text.

        Args:
            text: anything that may leave the program.

        Returns:
            The text with each secret replaced by `***`.
        """
        for needle in self._needles:
            text = text.replace(needle, MASK)
        return text

    def mask_bytes(self, chunk: bytes) -> bytes:
        """Mask whole lines of a host's output.

        Args:
            chunk: bytes that end at a line's end, so that no secret is cut in two.

        Returns:
            The bytes with each secret replaced by `***`.
        """
        for needle in self._needles:
            chunk = chunk.replace(needle.encode(), MASK.encode())
        return chunk


def masker_of(secrets: Iterable[Secret]) -> Masker:
    """Build a masker from any collection of secrets."""
    return Masker(tuple(secrets))
