"""Forms: opened at once, then filled with what this person may choose, and updated for each chosen target."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from itertools import count

from bot.domain.errors import Reason, RefusedError, problem
from bot.domain.names import TargetName
from bot.domain.policies.policy import Policy
from bot.domain.runs.request import Origin, Request
from bot.domain.targets.target import Target
from bot.slack.context import SlackContext
from bot.slack.forms import FORMS
from bot.slack.forms.form import TARGET, CommandForm, FormState, TargetDetails
from bot.slack.forms.submission import read_submission
from bot.slack.forms.view import form_view, opening_view, refusing_view
from bot.slack.handlers.submit import submit
from bot.slack.publish.replies import Sender
from bot.slack.render.message import Block
from bot.slack.transport.gateway import SlackBusyError, SlackRefusedError, SlackUncertainError
from bot.slack.transport.inbox import ReceivedEvent

_log = logging.getLogger(__name__)


class FormHandler:
    """Opens and updates forms, and handles submitted ones.

    Args:
        context: what the conversation shares.
    """

    def __init__(self, context: SlackContext) -> None:
        self._context = context
        self._engine = context.engine
        self._commands = context.commands
        self._gateway = context.gateway
        self._turns = count(1)
        self._latest: dict[str, int] = {}

    async def open(self, command: str, words: tuple[str, ...], origin: Origin, trigger: str) -> bool:
        """Open the form of a command.

        Args:
            command: with its slash.
            words: an app and perhaps an environment, to preselect a target.
            origin: who asks, and where; without a channel on the App Home, where every target can be chosen.
            trigger: from Slack, valid for three seconds.

        Returns:
            Whether it was opened: not where the command has no form, the channel has no target, or the trigger expired.
        """
        form = FORMS.get(command)
        here = self._here(form, origin.channel) if form is not None and command in self._commands else ()
        if form is None or not here or not trigger:
            return False
        ctx = await self._context.render_context_for(origin.user)
        try:
            view = await self._gateway.open_view(trigger, opening_view(form, ctx))
        except (SlackRefusedError, SlackBusyError, SlackUncertainError):
            return False
        allowed = await self._engine.lock_service.allowed(tuple(target.name for target in here), origin.user)
        names = allowed.targets.get(form.action, ())
        targets = tuple(target for target in here if target.name in names)
        if not targets:
            reason = Reason.MEMBERSHIP_UNKNOWN if allowed.uncertain else Reason.NOT_ALLOWED
            people = sorted({name for target in here for name in _lists(target.policy, form)})
            refusal = problem(reason, action=form.action.value, people=", ".join(people))
            await self._show(view, refusing_view(form, refusal, ctx))
            return True
        chosen = _chosen(targets, words)
        await self._fill(view, form, FormState(origin.channel, targets), chosen, origin.user)
        return True

    async def pressed(self, received: ReceivedEvent) -> None:
        """Handle the choice of a target in a form; other events are left alone."""
        view = received.payload.get("view") or {}
        form = FORMS.get(str(view.get("callback_id")))
        pressed = (received.payload.get("actions") or [{}])[0]
        if form is None or pressed.get("action_id") != TARGET:
            return
        value = str((pressed.get("selected_option") or {}).get("value") or "")
        channel = str(json.loads(view.get("private_metadata") or "{}").get("channel", ""))
        user = str(received.payload["user"]["id"])
        here = self._here(form, channel)
        allowed = await self._engine.lock_service.allowed(tuple(target.name for target in here), user)
        targets = tuple(target for target in here if target.name in allowed.targets.get(form.action, ()))
        chosen = next((target for target in targets if str(target.name) == value), None)
        await self._fill(str(view["id"]), form, FormState(channel, targets), chosen, user)

    async def submitted(self, received: ReceivedEvent) -> None:
        """Submit the request of a form."""
        filled = read_submission(received.payload, self._context.operations)
        if filled is None or filled.form.command not in self._commands:
            return
        origin = Origin(filled.user, filled.channel, received.id)
        try:
            spec = self._commands[filled.form.command]
            request = spec.parse(filled.words, origin, self._context.operations)
            await submit(self._context, request, Sender(origin.user, origin.channel))
        except RefusedError as refused:
            translator = await self._context.translator_for(origin.user)
            refusal = translator.refusal_text(refused.problem)
            await self._context.replies.send_text(Sender(origin.user, origin.channel), refusal)

    async def _fill(self, view: str, form: CommandForm, state: FormState, chosen: Target | None, user: str) -> None:
        """Show the form, first without the branch's commits; stop if another target was chosen meanwhile."""
        turn = next(self._turns)
        self._latest[view] = turn
        try:
            if chosen is None:
                await self._show_form(view, form, state, user)
                return
            details = await self._details(form, chosen, user)
            if self._latest.get(view) != turn:
                return
            await self._show_form(view, form, replace(state, details=details), user)
            if not form.reads_branch:
                return
            details = await self._with_newest(details)
            if self._latest.get(view) == turn:
                await self._show_form(view, form, replace(state, details=details), user)
        finally:
            if self._latest.get(view) == turn:
                del self._latest[view]

    async def _details(self, form: CommandForm, target: Target, user: str) -> TargetDetails:
        request = Request(form.plain(target), target.name, Origin(user, "", "form"))
        return TargetDetails(
            target,
            await self._engine.status_service.blocking_reason(request),
            releases=await self._engine.status_service.releases(target.name),
            may_declare=await self._engine.lock_service.may_declare(target.name, user),
        )

    async def _with_newest(self, details: TargetDetails) -> TargetDetails:
        try:
            return replace(details, newest=await self._engine.status_service.newest(details.target.name))
        except RefusedError as refused:
            return replace(details, unread=refused.problem)

    async def _show_form(self, view: str, form: CommandForm, state: FormState, user: str) -> None:
        await self._show(view, form_view(form, state, await self._context.render_context_for(user)))

    async def _show(self, view: str, content: Block) -> None:
        try:
            await self._gateway.update_view(view, content)
        except (SlackRefusedError, SlackBusyError, SlackUncertainError) as error:
            # The person may have closed the modal.
            _log.info("a form is not shown: %s", error)

    def _here(self, form: CommandForm | None, channel: str) -> tuple[Target, ...]:
        """Return the targets that a form can be about: those of a channel, or all of them on the App Home."""
        targets = sorted(self._context.operations.targets.values(), key=lambda target: target.name)
        return tuple(
            target
            for target in targets
            if form is not None and form.takes(target) and (channel in target.channels or not channel)
        )


def _lists(policy: Policy, form: CommandForm) -> tuple[str, ...]:
    return policy.who_may(form.action).names


def _chosen(targets: tuple[Target, ...], words: tuple[str, ...]) -> Target | None:
    """Return the target that matches the words, if there is exactly one."""
    plain = tuple(word for word in words if not word.startswith("-"))
    fitting = [target for target in targets if _fits(target.name, plain)]
    return fitting[0] if len(fitting) == 1 else None


def _fits(name: TargetName, plain: tuple[str, ...]) -> bool:
    return (name.app, name.environment)[: len(plain)] == plain[:2]
