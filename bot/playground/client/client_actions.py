"""What a person can do in the client: commands, messages, reactions, buttons, modals, the Home tab."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.playground.block_kit.problems import has_token
from bot.playground.client.expiring_ids import RESPONSE_SECONDS, ResponseUrl
from bot.playground.client.responses import show_response
from bot.playground.client.views import FormValues, View, element_state, elements_of, form_errors, form_state, view_json
from bot.playground.errors import ClientActionError, SlackError
from bot.playground.events.events import Events
from bot.playground.events.payloads import interaction, slash_command
from bot.playground.events.sockets import EnvelopeDelivery, Outcome, Sockets
from bot.playground.web_api.files import share_in
from bot.playground.web_api.views import forget_views, open_view, read_view, replace_content, tell_views
from bot.playground.workspace.emoji import canonical_emoji
from bot.playground.workspace.messages import Conversation, Ephemeral, File, PostedMessage
from bot.playground.workspace.state import State
from bot.playground.workspace.workspace import Person

_FAILURES = {Outcome.NO_SOCKET: "dispatch_failed", Outcome.TIMED_OUT: "operation_timeout"}


@dataclass(frozen=True)
class Click:
    """A click on an element of a message or view.

    Attributes:
        action_id: of the element.
        block_id: of its block, where two elements share the action ID.
        value: of the chosen option, or the list of them; None for a button.
        values: what stands in the other inputs of the same message or view.
    """

    action_id: str
    block_id: str | None = None
    value: Any = None
    values: FormValues = field(default_factory=dict)


class ClientActions:
    """People's hands."""

    def __init__(self, state: State, sockets: Sockets, events: Events) -> None:
        """Act on `state`, and notify the app through `sockets` and `events`."""
        self._state = state
        self._sockets = sockets
        self._events = events

    # finding, with words for people

    def _person(self, user: str) -> Person:
        person = self._state.people.get(user)
        if person is None or person.is_bot:
            raise ClientActionError(f"there is no person {user!r}")
        return person

    def _conversation(self, user: str, channel: str) -> Conversation:
        try:
            conversation = self._state.conversation(channel)
        except SlackError:
            raise ClientActionError(f"there is no channel {channel!r}") from None
        if user not in conversation.members:
            raise ClientActionError(f"{user} is not in {channel}")
        return conversation

    def _message(self, user: str, channel: str, ts: str) -> PostedMessage:
        message = self._conversation(user, channel).messages.get(ts)
        if message is None or message.tombstone:
            raise ClientActionError(f"there is no message {ts!r} in {channel}")
        return message

    # typing

    async def command(self, user: str, channel: str, text: str) -> EnvelopeDelivery:
        """Type a slash command into a channel.

        Args:
            user: who types.
            channel: where; threads take no commands.
            text: with its slash.

        Raises:
            ClientActionError: no such person or channel, or the person is not in it.
        """
        person, conversation = self._person(user), self._conversation(user, channel)
        name, _, words = text.strip().partition(" ")
        known = {command.name: command for command in self._state.workspace.app.commands}
        if name not in known:
            self._state.say_as_slackbot(
                conversation.id,
                user,
                f"{name} is not a valid command. A message that begins with / is taken for a command.",
            )
            return EnvelopeDelivery(Outcome.ACKED)
        if known[name].should_escape:
            words = self._escape(words)
        url = ResponseUrl(conversation.id, user, time.monotonic() + RESPONSE_SECONDS)
        payload = slash_command(
            self._state.workspace,
            person,
            (conversation.id, _name_in_payload(conversation)),
            name,
            words.strip(),
            self._response_url(url),
            self._state.triggers.hand_out(user),
        )
        delivery = await self._sockets.deliver("slash_commands", payload, takes_response=True)
        if delivery.outcome is not Outcome.ACKED:
            failure = _FAILURES[delivery.outcome]
            self._state.say_as_slackbot(conversation.id, user, f'{name} failed with the error "{failure}"')
        elif delivery.payload:
            self._show_answer(url, delivery.payload)
        return delivery

    def _show_answer(self, url: ResponseUrl, payload: Mapping[str, Any]) -> None:
        try:
            show_response(self._state, url, payload)
        except SlackError as error:
            self._state.say_as_slackbot(url.channel, url.user, f'The app\'s answer was refused: "{error.code}"')

    def _escape(self, words: str) -> str:
        people = {person.name: person for person in self._state.workspace.people}
        channels = {channel.name: channel for channel in self._state.workspace.channels}

        def mention(match: re.Match[str]) -> str:
            person = people.get(match[1])
            return f"<@{person.id}|{person.name}>" if person else match[0]

        def link(match: re.Match[str]) -> str:
            channel = channels.get(match[1])
            return f"<#{channel.id}|{channel.name}>" if channel else match[0]

        words = words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        return re.sub(r"#([a-z0-9_-]+)", link, re.sub(r"@([a-z0-9._-]+)", mention, words))

    def write(self, user: str, channel: str, text: str, thread_ts: str | None = None) -> PostedMessage:
        """Write a message; `&`, `<` and `>` are escaped as the client does.

        Raises:
            ClientActionError: no such person, channel or thread, or nothing was written.
        """
        conversation = self._conversation(self._person(user).id, channel)
        if not text.strip():
            raise ClientActionError("there is nothing to send")
        if thread_ts is not None:
            thread_ts = self._message(user, channel, thread_ts).ts
        message = self._state.post(
            PostedMessage(conversation.id, self._state.next_ts(), user, self._escape(text), thread_ts=thread_ts)
        )
        self._events.message(message)
        return message

    def share(self, user: str, place: tuple[str, str | None], name: str, content: bytes) -> PostedMessage:
        """Share a file in a channel or a thread.

        Args:
            user: who shares it.
            place: the channel, and the parent of the thread or None.
            name: of the file.
            content: of the file.

        Raises:
            ClientActionError: no such person, channel or thread, or the file has no name.
        """
        channel, thread_ts = place
        conversation = self._conversation(self._person(user).id, channel)
        if not name.strip():
            raise ClientActionError("the file has no name")
        if thread_ts is not None:
            thread_ts = self._message(user, channel, thread_ts).ts
        identifier = self._state.next_id("F")
        file = File(identifier, name.replace("/", "_"), len(content), user, int(time.time()))
        file.fill(content)
        self._state.files[identifier] = file
        message = PostedMessage(
            conversation.id, self._state.next_ts(), user, "", thread_ts=thread_ts, files=[identifier]
        )
        file.shares.append(share_in(conversation, message))
        self._state.post(message)
        self._events.message(message)
        self._events.file_shared(file, message)
        return message

    # reacting

    def react(self, user: str, channel: str, ts: str, emoji: str) -> None:
        """Add a reaction; one that is there already changes nothing.

        Raises:
            ClientActionError: no such person, message or emoji.
        """
        message, name = self._message(self._person(user).id, channel, ts), self._emoji(emoji)
        try:
            self._state.react(message, user, name)
        except SlackError:
            return
        self._events.reaction("reaction_added", message, user, name)

    def unreact(self, user: str, channel: str, ts: str, emoji: str) -> None:
        """Take a reaction away; one that is not there changes nothing.

        Raises:
            ClientActionError: no such person, message or emoji.
        """
        message, name = self._message(self._person(user).id, channel, ts), self._emoji(emoji)
        try:
            self._state.unreact(message, user, name)
        except SlackError:
            return
        self._events.reaction("reaction_removed", message, user, name)

    def _emoji(self, emoji: str) -> str:
        name = canonical_emoji(emoji, self._state.workspace.emoji)
        if name is None:
            raise ClientActionError(f"there is no emoji {emoji!r}")
        return name

    # clicking

    async def click(self, user: str, channel: str, ts: str, click: Click) -> EnvelopeDelivery:
        """Click a button, or choose from a menu, in a message that the person sees.

        Raises:
            ClientActionError: no such person, message or element, or an option that the element does not have.
        """
        person, conversation = self._person(user), self._conversation(user, channel)
        ephemeral = self._ephemeral(user, channel, ts)
        if ephemeral is not None:
            message: dict[str, Any] = {"type": "message", "ts": ts, "text": ephemeral.text}
            blocks, thread_ts = ephemeral.blocks or [], ephemeral.thread_ts
        else:
            found = self._message(user, channel, ts)
            message = self._state.message_json(found, with_metadata=True)
            blocks, thread_ts = found.blocks or [], found.thread_ts
        action = self._action(blocks, click)
        until = time.monotonic() + RESPONSE_SECONDS
        url = ResponseUrl(conversation.id, user, until, ts, thread_ts, ephemeral is not None)
        payload = {
            **interaction(self._state.workspace, person, "block_actions", self._state.triggers.hand_out(user)),
            "container": {
                "type": "message",
                "message_ts": ts,
                "channel_id": conversation.id,
                "is_ephemeral": ephemeral is not None,
                **({"thread_ts": thread_ts} if thread_ts else {}),
            },
            "channel": {"id": conversation.id, "name": _name_in_payload(conversation)},
            "message": message,
            "state": {"values": form_state(blocks, click.values)},
            "response_url": self._response_url(url),
            "actions": [action],
        }
        return await self._sockets.deliver("interactive", payload, takes_response=False)

    def _ephemeral(self, user: str, channel: str, ts: str) -> Ephemeral | None:
        for ephemeral in self._state.ephemerals:
            if (ephemeral.ts, ephemeral.user, ephemeral.channel) == (ts, user, channel):
                return ephemeral
        return None

    def _action(self, blocks: list[dict[str, Any]], click: Click) -> dict[str, Any]:
        for block in blocks:
            for element in elements_of(block):
                if element.get("action_id") == click.action_id and click.block_id in (None, block["block_id"]):
                    return self._action_json(block, element, click.value)
        raise ClientActionError(f"there is no element with the action_id {click.action_id!r}")

    def _action_json(self, block: Mapping[str, Any], element: Mapping[str, Any], value: Any) -> dict[str, Any]:
        try:
            held = element_state(element, value)
        except KeyError as error:
            raise ClientActionError(f"there is no option {error.args[0]!r}") from None
        kept = {key: element[key] for key in ("text", "value", "style", "placeholder") if key in element}
        return {
            "action_id": element["action_id"],
            "block_id": block["block_id"],
            **kept,
            **held,
            "action_ts": self._state.next_ts(),
        }

    def _response_url(self, url: ResponseUrl) -> str:
        return f"{self._state.base_url}response/{self._state.response_urls.hand_out(url)}"

    # modals and Home

    def open_home(self, user: str) -> None:
        """Open the Home tab of the app.

        Raises:
            ClientActionError: no such person.
        """
        self._person(user)
        view = self._state.homes.get(user)
        self._events.emit(
            {
                "type": "app_home_opened",
                "user": user,
                "channel": self._state.conversation(user).id,
                "event_ts": self._state.next_ts(),
                "tab": "home",
                **({"view": self._view_json(view, {})} if view else {}),
            }
        )

    def _view(self, user: str, view_id: str) -> View:
        view = self._state.views.get(view_id)
        if view is None:
            view = next((home for home in self._state.homes.values() if home.id == view_id), None)
        if view is None or view.user != self._person(user).id:
            raise ClientActionError(f"{user} sees no view {view_id!r}")
        return view

    def _view_json(self, view: View, values: dict[str, Any]) -> dict[str, Any]:
        workspace = self._state.workspace
        return view_json(view, workspace.team.id, workspace.app.id, workspace.app.bot_id, values)

    def _values(self, view: View, given: FormValues) -> dict[str, Any]:
        try:
            return form_state(view.content["blocks"], given)
        except KeyError as error:
            raise ClientActionError(f"there is no option {error.args[0]!r}") from None

    async def click_in_view(self, user: str, view_id: str, click: Click) -> EnvelopeDelivery:
        """Click a button, or choose from a menu, in a modal or the Home tab.

        Raises:
            ClientActionError: no such person, view or element, or an option that the element does not have.
        """
        view = self._view(user, view_id)
        values = self._values(view, click.values)
        trigger = self._state.triggers.hand_out(user, view.id)
        payload = {
            **interaction(self._state.workspace, self._person(user), "block_actions", trigger),
            "container": {"type": "view", "view_id": view.id},
            "view": self._view_json(view, values),
            "actions": [self._action(view.content["blocks"], click)],
        }
        return await self._sockets.deliver("interactive", payload, takes_response=False)

    async def submit(self, user: str, view_id: str, given: FormValues) -> dict[str, str]:
        """Submit a modal.

        Args:
            user: who submits.
            view_id: of the modal.
            given: what was typed and chosen; what is not named stays as the app preset it.

        Returns:
            What is wrong, by block ID; empty if the modal was accepted. The key `""` is for the whole.

        Raises:
            ClientActionError: no such person or view, or an option that an element does not have.
        """
        view = self._view(user, view_id)
        values = self._values(view, given)
        errors = form_errors(view.content["blocks"], values)
        if errors:
            return errors
        trigger = self._state.triggers.hand_out(user, view.id)
        payload = {
            **interaction(self._state.workspace, self._person(user), "view_submission", trigger),
            "view": self._view_json(view, values),
            "response_urls": [],
        }
        delivery = await self._sockets.deliver("interactive", payload, takes_response=True)
        if delivery.outcome is not Outcome.ACKED:
            return {"": "We had some trouble connecting. Try again?"}
        try:
            return self._respond(view, delivery.payload)
        except SlackError as error:
            return {"": f"The app's answer was refused: {error.code} {'; '.join(error.messages)}".strip()}

    def _respond(self, view: View, response: Mapping[str, Any]) -> dict[str, str]:
        action = response.get("response_action")
        if action == "errors":
            return _field_errors(response.get("errors"), view)
        if action == "update":
            replace_content(self._state, view, read_view(self._state, response.get("view"), "modal"))
        elif action == "push":
            open_view(self._state, view.user, read_view(self._state, response.get("view"), "modal"), view)
        elif action == "clear":
            forget_views(self._state, view.user)
            tell_views(self._state, view.user)
        else:
            self._take_away(view)
        return {}

    def _take_away(self, view: View) -> None:
        self._state.views.pop(view.id, None)
        stack = self._state.stacks.get(view.user, [])
        self._state.stacks[view.user] = [identifier for identifier in stack if identifier != view.id]
        tell_views(self._state, view.user)

    async def close(self, user: str, view_id: str) -> None:
        """Close a modal; the app hears of it if it asked for that.

        Raises:
            ClientActionError: no such person or view.
        """
        view = self._view(user, view_id)
        if view.content["type"] == "home":
            raise ClientActionError("the Home tab cannot be closed")
        self._take_away(view)
        if view.content.get("notify_on_close"):
            payload = {
                **interaction(self._state.workspace, self._person(user), "view_closed", ""),
                "view": self._view_json(view, {}),
                "is_cleared": False,
            }
            del payload["trigger_id"]
            await self._sockets.deliver("interactive", payload, takes_response=False)


def _field_errors(errors: object, view: View) -> dict[str, str]:
    """Read the errors at the fields of a modal, which Slack shows as plain text.

    Raises:
        SlackError: invalid_arguments.
    """
    if not isinstance(errors, dict) or not errors:
        raise SlackError("invalid_arguments", messages=["errors must name a block [json-pointer:/errors]"])
    inputs = {block["block_id"] for block in view.content["blocks"] if block["type"] == "input"}
    for block, text in errors.items():
        at = f"[json-pointer:/errors/{block}]"
        if block not in inputs:
            raise SlackError("invalid_arguments", messages=[f"there is no such input block {at}"])
        if not isinstance(text, str) or not text:
            raise SlackError("invalid_arguments", messages=[f"must be a text {at}"])
        if has_token(text):
            raise SlackError("invalid_arguments", messages=[f"errors are plain text: {text} {at}"])
    return {str(block): str(text) for block, text in errors.items()}


def _name_in_payload(conversation: Conversation) -> str:
    if conversation.person is not None:
        return "directmessage"
    return "privategroup" if conversation.is_private else conversation.name
