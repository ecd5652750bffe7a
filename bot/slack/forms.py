"""Forms that stand in for words: what a command without words opens, and how what was filled in becomes words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from bot.domain.errors import Problem, Reason, Refused
from bot.domain.names import TargetName
from bot.domain.request import Origin
from bot.domain.target import Operations
from bot.slack import markup
from bot.slack.message import Block
from bot.slack.ports import CommandSpec
from bot.slack.sentences import Sentences

_MOST_OPTIONS = 100
_MOST_TEXT = 75

TARGET = "target"
REF = "ref"
OPTIONS = "options"

_AT_TARGET = frozenset(
    {Reason.UNKNOWN_APP, Reason.UNKNOWN_ENVIRONMENT, Reason.WRONG_CHANNEL, Reason.USAGE, Reason.NOT_ALLOWED}
)


@dataclass(frozen=True)
class Filled:
    """A form that was submitted.

    Args:
        command: the slash command it stands for.
        channel: where it was asked for.
        user: who filled it in.
        words: as if they had been typed.
    """

    command: str
    channel: str
    user: str
    words: tuple[str, ...]


class Form(Protocol):
    """The form of one command."""

    def view(self, channel: str, words: tuple[str, ...], operations: Operations, sentences: Sentences) -> Block | None:
        """Build the modal; None where there is nothing to choose from."""
        ...

    def words(self, values: Mapping[str, Any]) -> tuple[str, ...]:
        """Give what was filled in as words."""
        ...

    def field(self, reason: Reason) -> str:
        """Name the block at which a reason is shown."""
        ...


class DeployForm:
    """The form of `/deploy`: a target, a ref, two options."""

    def view(self, channel: str, words: tuple[str, ...], operations: Operations, sentences: Sentences) -> Block | None:
        """Build the modal; None where this channel has no target."""
        here = tuple(name for name, target in operations.targets.items() if channel in target.channels)
        if not here:
            return None
        plain = tuple(word for word in words if not word.startswith("-"))
        fitting = [name for name in here if plain[:1] == (name.app,)]
        preset = fitting[0] if len(fitting) == 1 else here[0] if len(here) == 1 else None
        options = [_option(name) for name in here[:_MOST_OPTIONS]]
        return {
            "type": "modal",
            "callback_id": "/deploy",
            "private_metadata": json.dumps({"channel": channel}),
            "title": _plain(sentences.say("form.title")),
            "submit": _plain(sentences.say("form.submit")),
            "close": _plain(sentences.say("form.close")),
            "blocks": [
                {
                    "type": "input",
                    "block_id": TARGET,
                    "label": _plain(sentences.say("form.target")),
                    "element": {
                        "type": "static_select",
                        "action_id": TARGET,
                        "placeholder": _plain(sentences.say("form.target.choose")),
                        "options": options,
                        **({"initial_option": _option(preset)} if preset else {}),
                    },
                },
                {
                    "type": "input",
                    "block_id": REF,
                    "optional": True,
                    "label": _plain(sentences.say("form.ref")),
                    "element": {
                        "type": "plain_text_input",
                        "action_id": REF,
                        "max_length": 200,
                        "placeholder": _plain(sentences.say("form.ref.empty")),
                    },
                },
                {
                    "type": "input",
                    "block_id": OPTIONS,
                    "optional": True,
                    "label": _plain(sentences.say("form.options")),
                    "element": {
                        "type": "checkboxes",
                        "action_id": OPTIONS,
                        "options": [
                            {"text": _plain(sentences.say("form.dry_run")), "value": "--dry-run"},
                            {"text": _plain(sentences.say("form.no_migrate")), "value": "--no-migrate"},
                        ],
                    },
                },
                {
                    "type": "context",
                    "elements": [{"type": "mrkdwn", "text": sentences.say("form.what"), "verbatim": True}],
                },
            ],
        }

    def words(self, values: Mapping[str, Any]) -> tuple[str, ...]:
        """Give what was filled in as words."""
        chosen = (_value(values, TARGET).get("selected_option") or {}).get("value", "")
        ref = (_value(values, REF).get("value") or "").strip()
        flags = tuple(str(option["value"]) for option in _value(values, OPTIONS).get("selected_options") or [])
        # The ref is one word whatever it holds: the command says what is wrong with it.
        return (*str(chosen).split(" "), *((ref,) if ref else ()), *flags)

    def field(self, reason: Reason) -> str:
        """Name the block at which a reason is shown."""
        return TARGET if reason in _AT_TARGET else REF


FORMS: Mapping[str, Form] = {"/deploy": DeployForm()}
"""The form of each command that has one."""


def read_form(body: Mapping[str, Any]) -> Filled | None:
    """Read a submitted form; None where it is none of ours."""
    view = body["view"]
    form = FORMS.get(str(view.get("callback_id")))
    if form is None:
        return None
    channel = str(json.loads(view.get("private_metadata") or "{}").get("channel", ""))
    return Filled(view["callback_id"], channel, str(body["user"]["id"]), form.words(view["state"]["values"]))


class FormCheck:
    """Says what is wrong with a submitted form, by the command's own rules.

    Args:
        commands: by slash name.
        operations: what there is.
        sentences: of the language that is spoken.
    """

    def __init__(self, commands: Mapping[str, CommandSpec], operations: Operations, sentences: Sentences) -> None:
        self._commands = commands
        self._operations = operations
        self._sentences = sentences

    def __call__(self, body: Mapping[str, Any]) -> Mapping[str, str]:
        """Give the problems by the block of their field; none where the form can be submitted."""
        filled = read_form(body)
        if filled is None or filled.command not in self._commands:
            return {}
        try:
            origin = Origin(filled.user, filled.channel, "form")
            self._commands[filled.command].parse(filled.words, origin, self._operations)
        except Refused as refused:
            field = FORMS[filled.command].field(refused.problem.reason)
            return {field: self._told(refused.problem)}
        return {}

    def _told(self, found: Problem) -> str:
        wrong, right = self._sentences.wrong(found), self._sentences.right(found)
        return markup.clip(markup.unmarked(f"{wrong} {right}"), 300)


def _option(name: TargetName) -> dict[str, Any]:
    return {"text": _plain(markup.clip(f"{name.app} · {name.environment}", _MOST_TEXT)), "value": str(name)}


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": markup.unmarked(text)}


def _value(values: Mapping[str, Any], block: str) -> Mapping[str, Any]:
    found = values.get(block, {}).get(block, {})
    return found if isinstance(found, Mapping) else {}
