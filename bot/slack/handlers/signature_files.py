"""Signatures that people drop into the thread of a run, as files."""

from __future__ import annotations

import logging

from bot.domain.runs.run import Run
from bot.domain.signatures.signature import BEGIN, MAX_CHARACTERS
from bot.domain.signatures.signer_keys import Signers
from bot.slack.context import SlackContext
from bot.slack.handlers.signatures import SignatureHandler
from bot.slack.publish.replies import Sender
from bot.slack.transport.gateway import SharedFile, SlackRefusedError
from bot.slack.transport.inbox import ReceivedEvent

_log = logging.getLogger(__name__)

_ENDING = ".sig"
"""What `ssh-keygen -Y sign` calls a signature."""


class SignatureFileHandler:
    """Hands a signature in a file to the engine, as the form does. Other files are left alone.

    Args:
        context: what the conversation shares.
        signatures: takes signatures.
    """

    def __init__(self, context: SlackContext, signatures: SignatureHandler) -> None:
        self._context = context
        self._engine = context.engine
        self._signatures = signatures

    async def __call__(self, received: ReceivedEvent) -> None:
        """Handle a file that somebody shared.

        Raises:
            SlackBusyError: Slack asks to wait.
            SlackUncertainError: Slack does not answer.
        """
        event = received.payload["event"]
        channel, user = str(event.get("channel_id") or ""), str(event.get("user_id") or "")
        if self._context.operations.signers == Signers():
            return
        try:
            file = await self._context.gateway.file(str(event.get("file_id") or ""))
        except SlackRefusedError as refused:
            _log.warning("a shared file cannot be looked at, which may be a signature: %s", refused)
            return
        # Who hands a signature in is who shared the file, by both of Slack's answers.
        if not user or file.user != user:
            return
        for thread in sorted(thread for where, thread in file.threads if where == channel):
            run = await self._run_of(channel, thread)
            text = await self._signature(file) if run is not None else None
            if run is not None and text is not None:
                await self._signatures.take(run.id, Sender(user, channel, thread), text)

    async def _run_of(self, channel: str, thread: str) -> Run | None:
        """Read the run of a thread, if its approvals need signatures."""
        posted = await self._context.messages.find(channel, thread)
        run = await self._engine.get(posted.run) if posted is not None else None
        gate = run.gate if run is not None else None
        return run if gate is not None and gate.requirement.asks_for_signatures else None

    async def _signature(self, file: SharedFile) -> str | None:
        """Read a signature, which may be a bad one; None where the file is something else."""
        is_named = file.name.endswith(_ENDING)
        if file.size > MAX_CHARACTERS:
            return "" if is_named else None
        try:
            text = (await self._context.gateway.content(file, MAX_CHARACTERS)).decode("ascii", "replace")
        except SlackRefusedError as refused:
            _log.warning("a shared file cannot be read, which may be a signature: %s", refused)
            return "" if is_named else None
        return text if is_named or text.lstrip().startswith(BEGIN) else None
