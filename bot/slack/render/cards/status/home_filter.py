"""The filter of the App Home: its menu, and which targets a choice matches."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bot.domain.names import TargetName
from bot.slack.render import markup
from bot.slack.render.message import Block
from bot.slack.render.text import Translator

ATTENTION = "attention"
"""The option without a filter: targets that need somebody in detail, the others in a line each."""

_MAX_IN_A_GROUP = 100
_MAX_TEXT = 75
_APP, _ENVIRONMENT = "app", "environment"


@dataclass(frozen=True)
class HomeFilter:
    """A choice of targets.

    Args:
        kind: `app` or `environment`; empty matches all targets.
        name: of the app, or of the environment.
    """

    kind: str = ""
    name: str = ""

    def __bool__(self) -> bool:
        """Whether it excludes targets."""
        return bool(self.kind)


def read_filter(value: str, names: Iterable[TargetName]) -> HomeFilter:
    """Parse a choice; one that matches no target any more is ignored.

    Args:
        value: of the menu's option.
        names: of the targets that can be shown.
    """
    kind, _, name = value.partition(":")
    chosen = HomeFilter(kind, name) if kind in (_APP, _ENVIRONMENT) else HomeFilter()
    return chosen if any(matches(target, chosen) for target in names) else HomeFilter()


def matches(target: TargetName, chosen: HomeFilter) -> bool:
    """Return whether a target matches."""
    match chosen.kind:
        case "app":
            return target.app == chosen.name
        case "environment":
            return target.environment == chosen.name
        case _:
            return True


def filter_menu(action_id: str, names: tuple[TargetName, ...], value: str, translator: Translator) -> Block:
    """Build the menu.

    Args:
        action_id: of the menu.
        names: of the targets that can be shown.
        value: of the option that is selected now.
        translator: of the configured language.
    """
    attention = _option(translator.translate("home.filter.attention"), ATTENTION)
    environments = sorted({name.environment for name in names})
    apps = sorted({name.app for name in names})
    groups = [
        _group(translator.translate("home.filter.all"), [attention]),
        _group(
            translator.translate("home.filter.environment"),
            [_option(name, f"{_ENVIRONMENT}:{name}") for name in environments],
        ),
        _group(translator.translate("home.filter.app"), [_option(name, f"{_APP}:{name}") for name in apps]),
    ]
    options = [option for group in groups for option in group["options"]]
    chosen = read_filter(value, names)
    initial = next((option for option in options if chosen and option["value"] == value), attention)
    return {"type": "static_select", "action_id": action_id, "option_groups": groups, "initial_option": initial}


def _group(label: str, options: list[Block]) -> Block:
    return {"label": {"type": "plain_text", "text": label}, "options": options[:_MAX_IN_A_GROUP]}


def _option(text: str, value: str) -> Block:
    return {"text": {"type": "plain_text", "text": markup.clip(markup.plain(text), _MAX_TEXT)}, "value": value}
