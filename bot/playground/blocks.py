"""The rules for Block Kit blocks: what is allowed on which surface, in which number and length.

Sources: Slack's Block Kit reference; the sentences are those that Slack's API answers with,
where they are known (`no more than 50 items allowed [json-pointer:/blocks]`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import Enum
from typing import Any

MESSAGE_CHARACTERS = 13_200
"""About what a message's blocks may hold in all before Slack answers `msg_blocks_too_long`."""

MARKDOWN_CHARACTERS = 12_000
"""All `markdown` blocks of one payload together."""


class Surface(Enum):
    """Where blocks are shown."""

    MESSAGE = "message"
    MODAL = "modal"
    HOME = "home"


class Problems:
    """Collects the sentences about one payload, each with its JSON pointer."""

    def __init__(self) -> None:
        """Start with none."""
        self.messages: list[str] = []

    def add(self, text: str, pointer: str) -> None:
        """Note a problem at a JSON pointer such as `/blocks/0/text`."""
        self.messages.append(f"{text} [json-pointer:{pointer}]")

    def length(self, value: object, pointer: str, limit: int) -> None:
        """Note a text that is missing, empty, or longer than `limit` characters."""
        if not isinstance(value, str):
            self.add("must be a string", pointer)
        elif len(value) > limit:
            self.add(f"must be less than {limit + 1} characters", pointer)
        elif not value:
            self.add("must be more than 0 characters", pointer)

    def count(self, value: object, pointer: str, least: int, most: int) -> list[Any]:
        """Note a list of a wrong size, and give its items (none if it is no list)."""
        if not isinstance(value, list):
            self.add("must be an array", pointer)
            return []
        if len(value) > most:
            self.add(f"no more than {most} items allowed", pointer)
        elif len(value) < least:
            self.add(f"must have at least {least} item" + ("s" if least > 1 else ""), pointer)
        return value


_EVERYWHERE = frozenset(Surface)
_MESSAGES = frozenset({Surface.MESSAGE})
_VIEWS = frozenset({Surface.MODAL, Surface.HOME})

SURFACES: dict[str, frozenset[Surface]] = {
    "section": _EVERYWHERE,
    "divider": _EVERYWHERE,
    "header": _EVERYWHERE,
    "context": _EVERYWHERE,
    "actions": _EVERYWHERE,
    "image": _EVERYWHERE,
    "rich_text": _EVERYWHERE,
    "input": _EVERYWHERE,
    "markdown": _MESSAGES,
    "table": _MESSAGES,
    "plan": _MESSAGES,
    "task_card": _MESSAGES,
    "alert": frozenset({Surface.MODAL}),
}

SELECTS = frozenset({"static_select", "multi_static_select"})
BUTTON_LIKE = frozenset({"button", "overflow", "static_select", "users_select", "datepicker", "timepicker"})
CHOICES = frozenset({"checkboxes", "radio_buttons"})
TYPED = frozenset({"plain_text_input", "number_input", "email_text_input", "url_text_input"})
ACTION_ELEMENTS = BUTTON_LIKE | CHOICES | {"multi_static_select", "multi_users_select"}
ACCESSORIES = ACTION_ELEMENTS | {"image"}
INPUT_ELEMENTS = (ACTION_ELEMENTS | TYPED) - {"button", "overflow"}


def check_blocks(blocks: object, surface: Surface, pointer: str = "/blocks") -> list[str]:
    """Say what Slack would refuse in a list of blocks.

    Args:
        blocks: the decoded value of `blocks`.
        surface: where they are to be shown.
        pointer: JSON pointer of the list, the start of each problem's place.

    Returns:
        One sentence a problem, with its JSON pointer; none if Slack would take the blocks.
    """
    problems = Problems()
    most = 50 if surface is Surface.MESSAGE else 100
    items = problems.count(blocks, pointer, 0, most)
    seen: set[str] = set()
    for index, block in enumerate(items):
        at = f"{pointer}/{index}"
        if not isinstance(block, dict):
            problems.add("must be an object", at)
            continue
        _check_block(block, surface, at, problems)
        _unique(block.get("block_id"), seen, f"{at}/block_id", problems)
    _check_payload(items, pointer, problems)
    return problems.messages


def characters(value: object) -> int:
    """Count the characters of all texts inside blocks, without keys, types and identifiers."""
    return sum(len(text) for text in _texts(value))


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key in ("text", "title", "alt_text", "url") and isinstance(item, str):
                yield item
            elif isinstance(item, dict | list):
                yield from _texts(item)


def _unique(block_id: object, seen: set[str], pointer: str, problems: Problems) -> None:
    if block_id is None:
        return
    problems.length(block_id, pointer, 255)
    if isinstance(block_id, str):
        if block_id in seen:
            problems.add(f"block_id {block_id} is already in use", pointer)
        seen.add(block_id)


def _check_payload(items: list[Any], pointer: str, problems: Problems) -> None:
    blocks = [block for block in items if isinstance(block, dict)]
    markdown = sum(len(str(block.get("text", ""))) for block in blocks if block.get("type") == "markdown")
    if markdown > MARKDOWN_CHARACTERS:
        problems.add(f"markdown blocks must be less than {MARKDOWN_CHARACTERS + 1} characters in all", pointer)
    if sum(1 for block in blocks if block.get("type") == "table") > 1:
        problems.add("only_one_table_allowed", pointer)


def _check_block(block: dict[str, Any], surface: Surface, at: str, problems: Problems) -> None:
    kind = block.get("type")
    if kind is None:
        problems.add("missing required field: type", at)
        return
    if not isinstance(kind, str) or kind not in SURFACES or surface not in SURFACES[kind]:
        problems.add(f"unsupported type: {kind}", f"{at}/type")
        return
    _CHECKS[kind](block, at, problems)


def _plain(value: object, at: str, limit: int, problems: Problems) -> None:
    _text_object(value, at, limit, problems, ("plain_text",))


def _either(value: object, at: str, limit: int, problems: Problems) -> None:
    _text_object(value, at, limit, problems, ("plain_text", "mrkdwn"))


def _text_object(value: object, at: str, limit: int, problems: Problems, kinds: tuple[str, ...]) -> None:
    if not isinstance(value, dict):
        problems.add("must be an object", at) if value is not None else problems.add(
            f"missing required field: {at.rsplit('/', 1)[-1]}", at.rsplit("/", 1)[0]
        )
        return
    if value.get("type") not in kinds:
        problems.add(f"must be one of: {', '.join(kinds)}", f"{at}/type")
    extra = set(value) - {"type", "text", "emoji", "verbatim"}
    if extra:
        problems.add(f"no more fields allowed: {sorted(extra)[0]}", at)
    problems.length(value.get("text"), f"{at}/text", limit)


def _section(block: dict[str, Any], at: str, problems: Problems) -> None:
    if "text" not in block and "fields" not in block:
        problems.add("missing required field: text", at)
    if "text" in block:
        _either(block["text"], f"{at}/text", 3000, problems)
    if "fields" in block:
        for index, item in enumerate(problems.count(block["fields"], f"{at}/fields", 1, 10)):
            _either(item, f"{at}/fields/{index}", 2000, problems)
    if "accessory" in block:
        _check_element(block["accessory"], ACCESSORIES, f"{at}/accessory", problems)


def _header(block: dict[str, Any], at: str, problems: Problems) -> None:
    _plain(block.get("text"), f"{at}/text", 150, problems)


def _divider(block: dict[str, Any], at: str, problems: Problems) -> None:
    if set(block) - {"type", "block_id"}:
        problems.add("no more fields allowed", at)


def _context(block: dict[str, Any], at: str, problems: Problems) -> None:
    for index, item in enumerate(problems.count(block.get("elements"), f"{at}/elements", 1, 10)):
        where = f"{at}/elements/{index}"
        if isinstance(item, dict) and item.get("type") == "image":
            _image(item, where, problems)
        else:
            _either(item, where, 3000, problems)


def _actions(block: dict[str, Any], at: str, problems: Problems) -> None:
    seen: set[str] = set()
    for index, item in enumerate(problems.count(block.get("elements"), f"{at}/elements", 1, 25)):
        where = f"{at}/elements/{index}"
        _check_element(item, ACTION_ELEMENTS, where, problems)
        action_id = item.get("action_id") if isinstance(item, dict) else None
        if isinstance(action_id, str):
            if action_id in seen:
                problems.add(f"action_id {action_id} is already in use", f"{where}/action_id")
            seen.add(action_id)


def _image(block: dict[str, Any], at: str, problems: Problems) -> None:
    if "image_url" not in block and "slack_file" not in block:
        problems.add("missing required field: image_url", at)
    if "image_url" in block:
        problems.length(block["image_url"], f"{at}/image_url", 3000)
    problems.length(block.get("alt_text"), f"{at}/alt_text", 2000)


def _input(block: dict[str, Any], at: str, problems: Problems) -> None:
    _plain(block.get("label"), f"{at}/label", 2000, problems)
    if "hint" in block:
        _plain(block["hint"], f"{at}/hint", 2000, problems)
    _check_element(block.get("element"), INPUT_ELEMENTS, f"{at}/element", problems)


def _rich_text(block: dict[str, Any], at: str, problems: Problems) -> None:
    known = ("rich_text_section", "rich_text_list", "rich_text_preformatted", "rich_text_quote")
    for index, item in enumerate(problems.count(block.get("elements"), f"{at}/elements", 1, 3000)):
        if not isinstance(item, dict) or item.get("type") not in known:
            kind = item.get("type") if isinstance(item, dict) else item
            problems.add(f"unsupported type: {kind}", f"{at}/elements/{index}/type")


def _markdown(block: dict[str, Any], at: str, problems: Problems) -> None:
    problems.length(block.get("text"), f"{at}/text", MARKDOWN_CHARACTERS)


def _table(block: dict[str, Any], at: str, problems: Problems) -> None:
    for index, row in enumerate(problems.count(block.get("rows"), f"{at}/rows", 1, 100)):
        for number, cell in enumerate(problems.count(row, f"{at}/rows/{index}", 1, 20)):
            if not isinstance(cell, dict) or cell.get("type") not in ("raw_text", "raw_number", "rich_text"):
                problems.add("unsupported type", f"{at}/rows/{index}/{number}/type")
    if "column_settings" in block:
        problems.count(block["column_settings"], f"{at}/column_settings", 0, 20)


TASK_STATES = ("pending", "in_progress", "complete", "error")


def _task_card(block: dict[str, Any], at: str, problems: Problems) -> None:
    problems.length(block.get("task_id"), f"{at}/task_id", 255)
    problems.length(block.get("title"), f"{at}/title", 3000)
    if block.get("status", "pending") not in TASK_STATES:
        problems.add(f"must be one of: {', '.join(TASK_STATES)}", f"{at}/status")
    for key in ("details", "output"):
        if key in block:
            part = block[key]
            if not isinstance(part, dict) or part.get("type") != "rich_text":
                problems.add("must be a rich_text block", f"{at}/{key}")
            else:
                _rich_text(part, f"{at}/{key}", problems)


def _plan(block: dict[str, Any], at: str, problems: Problems) -> None:
    problems.length(block.get("title"), f"{at}/title", 3000)
    for index, task in enumerate(problems.count(block.get("tasks", []), f"{at}/tasks", 0, 50)):
        where = f"{at}/tasks/{index}"
        if isinstance(task, dict) and task.get("type", "task_card") == "task_card":
            _task_card(task, where, problems)
        else:
            problems.add("must be a task_card block", where)


def _alert(block: dict[str, Any], at: str, problems: Problems) -> None:
    _either(block.get("text"), f"{at}/text", 3000, problems)


_CHECKS: dict[str, Callable[[dict[str, Any], str, Problems], None]] = {
    "section": _section,
    "divider": _divider,
    "header": _header,
    "context": _context,
    "actions": _actions,
    "image": _image,
    "rich_text": _rich_text,
    "input": _input,
    "markdown": _markdown,
    "table": _table,
    "plan": _plan,
    "task_card": _task_card,
    "alert": _alert,
}


def _check_element(element: object, allowed: frozenset[str], at: str, problems: Problems) -> None:
    if not isinstance(element, dict):
        problems.add(f"missing required field: {at.rsplit('/', 1)[-1]}", at.rsplit("/", 1)[0])
        return
    kind = element.get("type")
    if not isinstance(kind, str) or kind not in allowed:
        problems.add(f"unsupported type: {kind}", f"{at}/type")
        return
    if kind == "image":
        _image(element, at, problems)
        return
    if "action_id" in element:
        problems.length(element["action_id"], f"{at}/action_id", 255)
    if "placeholder" in element:
        _plain(element["placeholder"], f"{at}/placeholder", 150, problems)
    if "confirm" in element:
        _confirm(element["confirm"], f"{at}/confirm", problems)
    if kind == "button":
        _button(element, at, problems)
    elif kind == "overflow":
        _options(element.get("options"), f"{at}/options", 5, problems)
    elif kind in CHOICES:
        _options(element.get("options"), f"{at}/options", 10, problems)
    elif kind in SELECTS:
        _select(element, at, problems)
    elif kind == "plain_text_input":
        _text_input(element, at, problems)


def _button(element: dict[str, Any], at: str, problems: Problems) -> None:
    _plain(element.get("text"), f"{at}/text", 75, problems)
    if "value" in element:
        problems.length(element["value"], f"{at}/value", 2000)
    if "url" in element:
        problems.length(element["url"], f"{at}/url", 3000)
    if "accessibility_label" in element:
        problems.length(element["accessibility_label"], f"{at}/accessibility_label", 75)
    if element.get("style", "primary") not in ("primary", "danger"):
        problems.add("must be one of: primary, danger", f"{at}/style")


def _select(element: dict[str, Any], at: str, problems: Problems) -> None:
    if "options" not in element and "option_groups" not in element:
        problems.add("missing required field: options", at)
    if "options" in element:
        _options(element["options"], f"{at}/options", 100, problems)
    if "option_groups" in element:
        groups = problems.count(element["option_groups"], f"{at}/option_groups", 1, 100)
        for index, group in enumerate(groups):
            where = f"{at}/option_groups/{index}"
            if not isinstance(group, dict):
                problems.add("must be an object", where)
                continue
            _plain(group.get("label"), f"{where}/label", 75, problems)
            _options(group.get("options"), f"{where}/options", 100, problems)


def _options(options: object, at: str, most: int, problems: Problems) -> None:
    for index, option in enumerate(problems.count(options, at, 1, most)):
        where = f"{at}/{index}"
        if not isinstance(option, dict):
            problems.add("must be an object", where)
            continue
        _either(option.get("text"), f"{where}/text", 75, problems)
        problems.length(option.get("value"), f"{where}/value", 150)
        if "description" in option:
            _either(option["description"], f"{where}/description", 75, problems)


def _text_input(element: dict[str, Any], at: str, problems: Problems) -> None:
    for key in ("min_length", "max_length"):
        value = element.get(key, 1)
        if not isinstance(value, int) or not 0 <= value <= 3000:
            problems.add("must be between 0 and 3000", f"{at}/{key}")


def _confirm(confirm: object, at: str, problems: Problems) -> None:
    if not isinstance(confirm, dict):
        problems.add("must be an object", at)
        return
    _plain(confirm.get("title"), f"{at}/title", 100, problems)
    _either(confirm.get("text"), f"{at}/text", 300, problems)
    _plain(confirm.get("confirm"), f"{at}/confirm", 30, problems)
    _plain(confirm.get("deny"), f"{at}/deny", 30, problems)


def check_view(view: object) -> list[str]:
    """Say what Slack would refuse in a modal or a Home tab.

    Args:
        view: the decoded value of `view`.

    Returns:
        One sentence a problem, with its JSON pointer; none if Slack would take the view.
    """
    problems = Problems()
    if not isinstance(view, dict):
        return ["must be an object [json-pointer:/view]"]
    kind = view.get("type")
    if kind not in ("modal", "home"):
        problems.add("must be one of: modal, home", "/view/type")
        return problems.messages
    if kind == "modal":
        _plain(view.get("title"), "/view/title", 24, problems)
        for key in ("submit", "close"):
            if view.get(key) is not None:
                _plain(view[key], f"/view/{key}", 24, problems)
        blocks = view.get("blocks")
        has_input = isinstance(blocks, list) and any(
            isinstance(block, dict) and block.get("type") == "input" for block in blocks
        )
        if has_input and view.get("submit") is None:
            problems.add("missing required field: submit, needed by an input block", "/view")
    for key, limit in (("private_metadata", 3000), ("callback_id", 255), ("external_id", 255)):
        if view.get(key):
            problems.length(view[key], f"/view/{key}", limit)
    surface = Surface.MODAL if kind == "modal" else Surface.HOME
    return problems.messages + check_blocks(view.get("blocks"), surface, "/view/blocks")
