"""Signatures of plans: kept and recorded in one transaction, and never changed."""

from __future__ import annotations

from sqlalchemy import insert
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from bot.domain.runs.history import Entry
from bot.domain.signatures.signature import Signature
from bot.domain.signatures.signer_keys import SignerKey
from bot.store.history import log
from bot.store.rows import signature_values
from bot.store.runs.leases import note_changed
from bot.store.schema import signatures
from bot.store.sql.driver_errors import is_duplicate


def add(connection: Connection, run: str, signature: Signature) -> bool:
    """Keep and record a signature of a run's plan; False where the very same one is there."""
    note_changed(connection, run)  # first: it orders those who sign at once
    try:
        connection.execute(insert(signatures).values(signature_values(run, signature)))
    except IntegrityError as error:
        if not is_duplicate(error):
            raise
        return False
    kind, data = signature.key.split(" ", 1)
    facts = {
        "plan": signature.digest,
        "text": signature.text_sha256,
        "signature": signature.sha256,
        "key": SignerKey(kind, data).fingerprint,
    }
    log.append(connection, (Entry(run, "signed", signature.user, facts),), signature.at)
    return True
