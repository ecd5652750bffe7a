"""Keys of people, and signatures by `ssh-keygen`, as a signer makes them on their own machine."""

from __future__ import annotations

import base64
import hashlib
import subprocess
from dataclasses import dataclass
from pathlib import Path

import asyncssh

from bot.domain.signatures.signer_keys import SignerKey, read_key


@dataclass(frozen=True)
class KeyFile:
    """A private key without a passphrase, and its public half beside it."""

    path: Path

    @property
    def public(self) -> str:
        return self.path.with_suffix(".pub").read_text()

    @property
    def key(self) -> SignerKey:
        return read_key(self.public)

    def sign(self, text: str, namespace: str = "countersign") -> str:
        """Sign as by hand: `ssh-keygen -Y sign -n countersign -f KEY`."""
        signed = subprocess.run(
            ["ssh-keygen", "-Y", "sign", "-n", namespace, "-f", str(self.path)],
            input=text,
            text=True,
            capture_output=True,
            check=True,
        )
        return signed.stdout


def new_key(folder: Path, name: str = "key", kind: str = "ed25519") -> KeyFile:
    """Make a key."""
    path = folder / f"{name}_{kind}"
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", name, "-f", str(path)], check=True)
    return KeyFile(path)


class SoftwareToken:
    """A security key in software: what a FIDO token signs for `sk-ssh-ed25519`, without the token.

    Args:
        touched: whether somebody touched it.
    """

    KIND = b"sk-ssh-ed25519@openssh.com"
    APPLICATION = b"ssh:"

    def __init__(self, touched: bool = True) -> None:
        self._key = asyncssh.generate_private_key("ssh-ed25519")
        self._flags = b"\x01" if touched else b"\x00"
        self._counter = 0
        point = self._key.public_data[-32:]
        self._public = _field(self.KIND) + _field(point) + _field(self.APPLICATION)

    @property
    def public(self) -> str:
        return f"{self.KIND.decode()} {base64.b64encode(self._public).decode()} token"

    @property
    def key(self) -> SignerKey:
        return read_key(self.public)

    def sign(self, text: str, namespace: str = "countersign") -> str:
        self._counter += 1
        hashed = _field(namespace.encode()) + _field(b"") + _field(b"sha512")
        to_sign = b"SSHSIG" + hashed + _field(hashlib.sha512(text.encode()).digest())
        seen = self._flags + self._counter.to_bytes(4, "big")
        application, message = (hashlib.sha256(each).digest() for each in (self.APPLICATION, to_sign))
        signed = self._key.sign(application + seen + message, b"ssh-ed25519")[-64:]
        signature = _field(self.KIND) + _field(signed) + seen
        blob = b"SSHSIG" + (1).to_bytes(4, "big") + _field(self._public) + hashed + _field(signature)
        return armoured(blob)


def armoured(blob: bytes) -> str:
    """Armour the bytes of a signature."""
    return f"-----BEGIN SSH SIGNATURE-----\n{base64.b64encode(blob).decode()}\n-----END SSH SIGNATURE-----\n"


def _field(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data
