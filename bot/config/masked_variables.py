"""Which variables of the operations file are masked, and why the others are not. Pure."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bot.domain.secrets import Secret

_ALWAYS = re.compile(r"PASS|PWD|SECRET|TOKEN|KEY|CREDENTIAL|AUTH|SIGNATURE|SALT|DSN", re.IGNORECASE)
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?")
_WORD = re.compile(r"[A-Za-z0-9_-]+")
_HOST_NAME = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z]{2,}(?::\d+)?|localhost(?::\d+)?")
_MIN_WORD = 8


@dataclass(frozen=True)
class MaskedVariables:
    """The variables that `${…}` filled in.

    Args:
        masked: by name.
        unmasked: by name, why each of the others is left readable.
    """

    masked: Mapping[str, Secret]
    unmasked: Mapping[str, str]


def masked_variables(used: Mapping[str, str], document: object) -> MaskedVariables:
    """Choose what is masked: everything, except what hides nothing and would blacken logs.

    Args:
        used: values of the variables that the operations file uses, by name.
        document: the file's data before they were filled in.
    """
    names = frozenset(_texts(document))
    reasons = {name: reason for name, value in used.items() if (reason := _why_readable(name, value, names))}
    masked = {name: Secret(value) for name, value in used.items() if name not in reasons and value}
    return MaskedVariables(masked, reasons)


def _why_readable(name: str, value: str, names: frozenset[str]) -> str | None:
    if _ALWAYS.search(name):
        return None
    if value in names:
        return "also a name in the operations file"
    if _NUMBER.fullmatch(value):
        return "a number"
    if _is_address(value):
        return "an address"
    if _WORD.fullmatch(value) and len(value) < _MIN_WORD:
        return f"a word of fewer than {_MIN_WORD} characters"
    return None


def _is_address(value: str) -> bool:
    if _HOST_NAME.fullmatch(value):
        return True
    try:
        ipaddress.ip_interface(value.strip("[]"))
    except ValueError:
        return False
    return True


def _texts(data: object) -> Iterable[str]:
    if isinstance(data, dict):
        for key, item in data.items():
            yield str(key)
            yield from _texts(item)
    elif isinstance(data, list):
        for item in data:
            yield from _texts(item)
    elif isinstance(data, str):
        yield data
