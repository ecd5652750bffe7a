"""A submitted form: parsed, and validated while the person still sees it."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.domain.errors import Problem, Reason, RefusedError
from bot.domain.names import TargetName
from bot.domain.runs.request import Origin
from bot.domain.targets.target import Operations
from bot.slack.context import SlackContext
from bot.slack.forms import FORMS
from bot.slack.forms.form import TARGET, CommandForm, block_of, selected_value
from bot.slack.plain_names import plain_names
from bot.slack.render import markup
from bot.slack.render.markup import Markup

_log = logging.getLogger(__name__)

_JUDGING_SECONDS = 1.5
"""Limit for validation: Slack waits three seconds for the acknowledgement that carries the errors."""

_NAMING_SECONDS = 0.7
"""Limit for looking up names after that."""

_MAX_ERROR = 300


@dataclass(frozen=True)
class FormSubmission:
    """A submitted form.

    Args:
        form: the form.
        channel: where it was opened.
        user: Slack's ID of who submitted it.
        values: `state.values` of its view.
    """

    form: CommandForm
    channel: str
    user: str
    values: Mapping[str, Any]

    @property
    def words(self) -> tuple[str, ...]:
        """The values as typed words."""
        return self.form.words(self.values)


def read_submission(body: Mapping[str, Any], operations: Operations) -> FormSubmission | None:
    """Parse a submitted form; None where the view is not one of the forms.

    Args:
        body: the payload.
        operations: gives the channel of a target for a form that was opened on the App Home.
    """
    view = body["view"]
    form = FORMS.get(str(view.get("callback_id")))
    if form is None:
        return None
    values = view["state"]["values"]
    channel = str(json.loads(view.get("private_metadata") or "{}").get("channel", ""))
    return FormSubmission(form, channel or _channel_of(values, operations), str(body["user"]["id"]), values)


def _channel_of(values: Mapping[str, Any], operations: Operations) -> str:
    app, _, environment = selected_value(values, TARGET).partition(" ")
    target = operations.targets.get(TargetName(app, environment))
    return target.channels[0] if target is not None and target.channels else ""


class FormValidator:
    """Validates a submitted form by the rules of the form, the command and the engine.

    Args:
        context: what the conversation shares.
    """

    def __init__(self, context: SlackContext) -> None:
        self._context = context
        self._commands = context.commands

    async def __call__(self, body: Mapping[str, Any]) -> Mapping[str, str]:
        """Return the error messages by the block of their field; empty where the form can be submitted."""
        submission = read_submission(body, self._context.operations)
        if submission is None or submission.form.command not in self._commands:
            return {}
        error = submission.form.mistake(submission.values)
        if error is not None:
            field, key = error
            translator = await self._context.translator_for(submission.user)
            return {block_of(submission.values, field): markup.unmarked(translator.translate(key))}
        problem = await self._problem(submission)
        if problem is None:
            return {}
        field = "during_freeze" if problem.reason is Reason.NO_OVERRIDE else submission.form.field(problem.reason)
        return {block_of(submission.values, field): await self._message(problem, submission.user)}

    async def _problem(self, submission: FormSubmission) -> Problem | None:
        try:
            origin = Origin(submission.user, submission.channel, "form")
            request = self._commands[submission.form.command].parse(submission.words, origin, self._context.operations)
            async with asyncio.timeout(_JUDGING_SECONDS):
                await self._context.engine.status_service.judge(request)
        except RefusedError as refused:
            return refused.problem
        except Exception:
            # The request is judged again when the event is handled, with a reply in the channel.
            _log.exception("a form could not be judged in time")
        return None

    async def _message(self, problem: Problem, user: str) -> str:
        """Describe a problem in plain text, as Slack shows it at a field: people and channels by their names."""
        translator = await self._context.translator_for(user)
        text = Markup(translator.warning_text(problem).replace("\n", " "))
        named = await plain_names(
            self._context.directory, self._context.channels, markup.mentioned_ids(text), _NAMING_SECONDS
        )
        return markup.clip(markup.unmarked(text, named), _MAX_ERROR)
