"""What each kind of receiver is sent for an event: a few requests, the answers of which may be needed for the next."""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

from bot.audit.webhooks.event import Event, body_of, signed_headers
from bot.audit.webhooks.http import Message, NotTakenError
from bot.domain.secrets import Secret
from bot.domain.targets.receiver import Receiver, ReceiverKind

Send = Callable[[Message], Awaitable[Any]]
"""Sends a request, and gives the JSON of its answer."""

_GITHUB = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
_SHOWN = 120


async def tell_webhook(event: Event, receiver: Receiver, send: Send) -> None:
    """Send the event itself, signed."""
    body = body_of(event)
    await send(Message("POST", receiver.url, signed_headers(event.id, int(time.time()), body, receiver.secret), body))


async def tell_sentry(event: Event, receiver: Receiver, send: Send) -> None:
    """Make the commit a release and note its deploy; both are the same where they are made twice."""
    if event.type != "run.succeeded":
        return
    releases = f"{receiver.url}/releases/"
    project = receiver.project or event.app
    await send(_post(releases, receiver, {"version": event.sha, "projects": [project]}))
    deploy = {"environment": event.environment, "name": event.run, "dateFinished": event.at}
    await send(_post(f"{releases}{quote(event.sha, safe='')}/deploys/", receiver, deploy))


async def tell_grafana(event: Event, receiver: Receiver, send: Send) -> None:
    """Make an annotation at the time of the event."""
    outcome = event.type.partition(".")[2]
    annotation = {
        "time": int(datetime.fromisoformat(event.at).timestamp() * 1000),
        "tags": ["countersign", event.command, event.app, event.environment, outcome],
        "text": f"{event.command} {event.app} {event.environment} {event.sha[:7]}: {outcome} ({event.run})",
    }
    await send(_post(f"{receiver.url}/api/annotations", receiver, annotation))


async def tell_github(event: Event, receiver: Receiver, send: Send) -> None:
    """Make a deployment, unless it is there from another try, and give it its state."""
    state = {"run.succeeded": "success", "run.failed": "failure", "run.started": "in_progress"}.get(event.type)
    if state is None:
        return
    asked = f"{receiver.url}/deployments?sha={event.sha}&task={event.command}&per_page=100"
    known = await send(Message("GET", asked, {**_bearer(receiver.secret), **_GITHUB}))
    number = _deployment(known, event)
    if number is None:
        deployment = {
            "ref": event.sha,
            "task": event.command,
            "environment": event.environment,
            "description": f"Countersign {event.run}"[:_SHOWN],
            "payload": {"run": event.run},
            "auto_merge": False,
            # The bot has checked what must be green; GitHub is told what happened, and not asked.
            "required_contexts": [],
        }
        number = _number(await send(_post(f"{receiver.url}/deployments", receiver, deployment, _GITHUB)))
    status = {"state": state, "environment": event.environment, "description": event.run}
    await send(_post(f"{receiver.url}/deployments/{number}/statuses", receiver, status, _GITHUB))


TELL: Mapping[ReceiverKind, Callable[[Event, Receiver, Send], Awaitable[None]]] = {
    ReceiverKind.WEBHOOK: tell_webhook,
    ReceiverKind.SENTRY: tell_sentry,
    ReceiverKind.GRAFANA: tell_grafana,
    ReceiverKind.GITHUB: tell_github,
}
"""What each kind is told."""

MARKS = frozenset({"deploy", "rollback"})
"""Commands of which the kinds other than webhooks are told: those that make a commit live."""


def is_marked(event: Event) -> bool:
    """Tell whether an event is about a commit that went live, or was to."""
    return event.command in MARKS and bool(event.sha) and not event.changes_nothing


def _post(
    url: str, receiver: Receiver, content: Mapping[str, Any], headers: Mapping[str, str] = MappingProxyType({})
) -> Message:
    return Message("POST", url, {**_bearer(receiver.secret), **headers}, json.dumps(content).encode())


def _bearer(secret: Secret) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret.reveal()}"}


def _deployment(known: object, event: Event) -> int | None:
    """Find the deployment that an earlier try made for the run."""
    for deployment in known if isinstance(known, list) else []:
        payload = deployment.get("payload") if isinstance(deployment, dict) else None
        if isinstance(payload, dict) and payload.get("run") == event.run:
            return _number(deployment)
    return None


def _number(answer: object) -> int:
    number = answer.get("id") if isinstance(answer, dict) else None
    if not isinstance(number, int):
        raise NotTakenError("the answer has no deployment")
    return number
