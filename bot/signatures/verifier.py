"""Whether a signature of a plan counts for somebody now, by the keys that are configured now."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import structlog

from bot.domain.signatures.signature import Armour, SignatureProblem
from bot.domain.signatures.signer_keys import (
    NAMESPACE,
    SignerKey,
    Signers,
    joined,
    read_allowed_signers,
    without_shared,
)
from bot.signatures.ssh_keygen import NotCheckedError, is_signature

_log = structlog.get_logger()


class SignatureVerifier:
    """Implements `bot.engine.ports.SignatureVerifier`.

    Args:
        signers: of the operations file.
    """

    def __init__(self, signers: Signers) -> None:
        self._signers = signers

    async def verify(self, text: str, armour: Armour, user: str, at: datetime) -> SignerKey | SignatureProblem:
        """Check a signature, and give the key that made it, or why it does not count.

        Args:
            text: that must have been signed.
            armour: the signature.
            user: Slack's ID of who must have signed.
            at: when it is to count.
        """
        if armour.namespace != NAMESPACE:
            return SignatureProblem.OTHER_NAMESPACE
        try:
            own = (await self._keys()).get(user, ())
            if not own:
                return SignatureProblem.NO_KEY
            same = [key for key in own if key.data == armour.key]
            if not same:
                return SignatureProblem.FOREIGN_KEY
            valid = next((key for key in same if key.is_valid(at)), None)
            if valid is None:
                return SignatureProblem.KEY_NOT_VALID
            return valid if await is_signature(text, armour.text, valid, user) else SignatureProblem.OTHER_TEXT
        except (NotCheckedError, OSError, ValueError) as error:
            _log.error("signature_not_checked", user=user, why=str(error))
            return SignatureProblem.NOT_CHECKED

    async def _keys(self) -> Mapping[str, tuple[SignerKey, ...]]:
        """Read the keys of everybody; the file as it is now, so that a key that is taken out counts no longer."""
        path = self._signers.file
        if path is None:
            return without_shared(self._signers.keys)
        text = await asyncio.to_thread(Path(path).read_text, encoding="utf-8")
        return without_shared(joined(self._signers.keys, read_allowed_signers(text)))
