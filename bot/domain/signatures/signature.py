"""Signatures of a plan as people hand them in and as they are kept. What they are worth, `ssh-keygen` says."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256

from bot.domain.signatures.signer_keys import fingerprint_of
from bot.domain.signatures.wire import WireReader

BEGIN, END = "-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----"

MAX_CHARACTERS = 16_384
"""Longer than a signature by an RSA key of 16,384 bits."""

_ARMOUR = re.compile(rf"{BEGIN}\n([A-Za-z0-9+/=\n]+)\n{END}")
_MAGIC = b"SSHSIG"
_LINE = 70


class SignatureProblem(StrEnum):
    """Why a signature does not count."""

    NOT_READABLE = "not_readable"
    """It is no armoured SSH signature, or was cut."""
    OTHER_NAMESPACE = "other_namespace"
    """It was made for something else than plans."""
    NO_KEY = "no_key"
    """No key of this person is configured."""
    FOREIGN_KEY = "foreign_key"
    """The key that made it is none of this person's."""
    KEY_NOT_VALID = "key_not_valid"
    """The key is this person's, and not valid yet or no longer."""
    OTHER_TEXT = "other_text"
    """It is of another text: another plan, another request, or a file that was changed."""
    NOT_CHECKED = "not_checked"
    """It could not be checked: no `ssh-keygen`, or the keys cannot be read."""


@dataclass(frozen=True)
class Armour:
    """An armoured signature, read.

    Args:
        text: as it is kept: one armour, without anything around it.
        sha256: of the signature's bytes, 64 hexadecimal digits; it is the same however the armour is written.
        fingerprint: of the key that it says made it.
        key: that key, in base64.
        namespace: that it says it was made for.
    """

    text: str
    sha256: str
    fingerprint: str
    key: str
    namespace: str


@dataclass(frozen=True)
class Signature:
    """A signature of a plan that was valid when it was given.

    Args:
        user: Slack's ID of who signed.
        digest: of the plan.
        armour: the signature.
        sha256: of its bytes, 64 hexadecimal digits.
        key: the public key that made it, `ssh-ed25519 AAAA…`.
        text_sha256: of the text that was signed.
        at: when it was taken.
    """

    user: str
    digest: str
    armour: str
    sha256: str
    key: str
    text_sha256: str
    at: datetime


def read_armour(text: str) -> Armour | None:
    """Read an armoured signature as somebody pasted it; None where it is none, or more than one.

    Spaces around lines and other line breaks do no harm; anything else beside the armour does.
    """
    if len(text) > MAX_CHARACTERS:
        return None
    lines = "\n".join(filter(None, (line.strip() for line in text.splitlines())))
    found = _ARMOUR.fullmatch(lines)
    if found is None:
        return None
    try:
        blob = base64.b64decode(found[1].replace("\n", ""), validate=True)
        reader = WireReader(blob)
        if reader.take(len(_MAGIC)) != _MAGIC or reader.number() != 1:
            return None
        key, namespace = reader.field(), reader.field().decode("utf-8")
        for _ in ("reserved", "hash", "signature"):
            reader.field()
    except ValueError:
        return None
    if not reader.at_end:
        return None
    encoded = base64.b64encode(blob).decode()
    body = "\n".join(encoded[start : start + _LINE] for start in range(0, len(encoded), _LINE))
    return Armour(
        text=f"{BEGIN}\n{body}\n{END}\n",
        sha256=sha256(blob).hexdigest(),
        fingerprint=fingerprint_of(key),
        key=base64.b64encode(key).decode(),
        namespace=namespace,
    )
