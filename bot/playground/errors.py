"""Errors with Slack's own names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class SlackError(Exception):
    """A Web API call was refused; nothing was changed.

    Attributes:
        code: Slack's name of the error, such as `channel_not_found`.
        details: further fields of the answer, such as `needed` and `provided`.
        messages: what goes into `response_metadata.messages`, one sentence a problem.
        status: HTTP status of the answer.
        headers: further HTTP headers of the answer.
    """

    def __init__(
        self,
        code: str,
        *,
        details: Mapping[str, Any] | None = None,
        messages: Sequence[str] = (),
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(code)
        self.code = code
        self.details = dict(details or {})
        self.messages = tuple(messages)
        self.status = status
        self.headers = dict(headers or {})

    def body(self) -> dict[str, Any]:
        """Give the JSON answer as Slack words it."""
        answer: dict[str, Any] = {"ok": False, "error": self.code, **self.details}
        if self.messages:
            answer["errors"] = list(self.messages)
            answer["response_metadata"] = {"messages": [f"[ERROR] {text}" for text in self.messages]}
        return answer


class ClientActionError(Exception):
    """A person cannot do this in the client: there is no such button, message or command.

    The text names what was wrong. Nothing was changed.
    """
