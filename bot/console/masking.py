"""Masked copies of what is about to be shown.

It is made before the text is laid out, because a line's end could cut a secret in two.
"""

from __future__ import annotations

import copy
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any, TypeVar

from bot.domain.secrets import Masker

_T = TypeVar("_T")


def masked_copy(value: _T, masker: Masker) -> _T:
    """Copy a value of the domain with every text in it masked.

    Args:
        value: dataclasses, tuples, mappings, text.
        masker: of the secrets.

    Returns:
        A copy that is for showing alone: it is not validated again.
    """
    found: Any = value
    match found:
        case Enum():
            return value
        case str():
            masked: Any = masker.mask(found)
        case tuple() | list() | frozenset():
            masked = type(found)(masked_copy(item, masker) for item in found)
        case dict():
            masked = {key: masked_copy(item, masker) for key, item in found.items()}
        case _ if is_dataclass(found):
            masked = copy.copy(found)
            for field in fields(found):
                object.__setattr__(masked, field.name, masked_copy(getattr(found, field.name), masker))
        case _:
            return value
    return masked  # type: ignore[no-any-return]  # of the same kind as what came in
