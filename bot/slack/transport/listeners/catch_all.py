"""All other events: acknowledged, so that Slack does not send them again, and ignored.

An event that could not be recorded is not acknowledged, so that Slack sends it again.
"""

from __future__ import annotations

import logging

from slack_bolt.async_app import AsyncApp
from slack_bolt.error import BoltUnhandledRequestError
from slack_bolt.response import BoltResponse

_log = logging.getLogger(__name__)


def register(app: AsyncApp) -> None:
    """Register the handler; the app must be made with `raise_error_for_unhandled_request=True`."""

    async def on_error(error: Exception) -> BoltResponse:
        if isinstance(error, BoltUnhandledRequestError):
            return BoltResponse(status=200, body="")
        # No traceback: it would contain values of the payload.
        _log.error("an event could not be recorded and is not acknowledged: %s", type(error).__name__)
        return BoltResponse(status=500, body="")

    app.error(on_error)
