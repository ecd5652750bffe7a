"""An event as it is told to others, and its signature. Pure."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.domain.runs.history import Record
from bot.domain.runs.run import Run
from bot.domain.secrets import Masker, Secret

_STANDARD_SECRET = "whsec_"  # noqa: S105 - how the secrets of Standard Webhooks begin


@dataclass(frozen=True)
class Event:
    """One event of a run or a target.

    Args:
        id: the same each time that it is told.
        type: its name.
        at: when it happened, RFC 3339 in UTC.
        sequence: of its record in the history.
        run: the run's ID; empty if it belongs to none.
        command: of the run, such as `deploy`.
        app: of the run; empty if it belongs to none.
        environment: of the run.
        sha: the commit of its plan; empty where it has none.
        requested_by: Slack's ID, or `schedule`.
        actor: who did it: Slack's ID, `bot` or `schedule`.
        facts: of the record.
        changes_nothing: whether the run is one that changes nothing, or found nothing to do.
    """

    id: str
    type: str
    at: str
    sequence: int
    run: str
    command: str
    app: str
    environment: str
    sha: str
    requested_by: str
    actor: str
    facts: Mapping[str, str]
    changes_nothing: bool


def event_of(record: Record, name: str, run: Run | None, masker: Masker) -> Event:
    """Give the event that a record means.

    Args:
        record: of the history.
        name: of the event.
        run: that the record belongs to; None where there is none.
        masker: of the secrets that are known here.
    """
    entry = record.entry
    facts = {masker.mask(key): masker.mask(value) for key, value in sorted(entry.facts.items())}
    app, _, environment = facts.get("target", "").partition(" ") if run is None else ("", "", "")
    return Event(
        id=f"evt_{record.sequence}_{record.hash[:16]}_{name.replace('.', '-')}",
        type=name,
        at=record.at,
        sequence=record.sequence,
        run=entry.run,
        command="" if run is None else run.request.action.value,
        app=app if run is None else run.request.target.app,
        environment=environment if run is None else run.request.target.environment,
        sha="" if run is None or run.plan is None or run.plan.sha is None else run.plan.sha.text,
        requested_by="" if run is None else run.request.origin.user,
        actor=masker.mask(entry.actor),
        facts=facts,
        changes_nothing=entry.event in {"dry_run", "nothing_to_do"},
    )


def body_of(event: Event) -> bytes:
    """Write an event as JSON, the same bytes each time: a stable contract, to which keys may be added."""
    data: dict[str, Any] = {
        "sequence": event.sequence,
        "run": event.run,
        "command": event.command,
        "app": event.app,
        "environment": event.environment,
        "sha": event.sha,
        "requested_by": event.requested_by,
        "actor": event.actor,
        "changes_nothing": event.changes_nothing,
        "facts": dict(event.facts),
    }
    text = {"id": event.id, "type": event.type, "timestamp": event.at, "data": data}
    return json.dumps(text, ensure_ascii=False, separators=(",", ":")).encode()


def signed_headers(event_id: str, seconds: int, body: bytes, secret: Secret) -> dict[str, str]:
    """Give the headers of a message as Standard Webhooks has them.

    Args:
        event_id: of the event.
        seconds: Unix time at which it is sent.
        body: of the message.
        secret: `whsec_` and base64 of the key, or the key itself as text.
    """
    signed = f"{event_id}.{seconds}.".encode() + body
    digest = hmac.new(_key(secret.reveal()), signed, hashlib.sha256).digest()
    return {
        "webhook-id": event_id,
        "webhook-timestamp": str(seconds),
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }


def _key(secret: str) -> bytes:
    if secret.startswith(_STANDARD_SECRET):
        try:
            return base64.b64decode(secret.removeprefix(_STANDARD_SECRET), validate=True)
        except binascii.Error:
            pass
    return secret.encode()
