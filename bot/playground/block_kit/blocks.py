"""The rules for Block Kit blocks: what is allowed on which surface, in which number and length.

Sources: Slack's Block Kit reference; the sentences are those that Slack's API answers with,
where they are known (`no more than 50 items allowed [json-pointer:/blocks]`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import Enum
from typing import Any

from bot.playground.block_kit.elements import ACCESSORIES, ACTION_ELEMENTS, INPUT_ELEMENTS, check_element, check_image
from bot.playground.block_kit.problems import Problems, either, plain

MESSAGE_CHARACTERS = 13_200
"""About what a message's blocks may hold in all before Slack answers `msg_blocks_too_long`."""

MARKDOWN_CHARACTERS = 12_000
"""All `markdown` blocks of one payload together."""


class Surface(Enum):
    """Where blocks are shown."""

    MESSAGE = "message"
    MODAL = "modal"
    HOME = "home"


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


def check_blocks(blocks: object, surface: Surface, pointer: str = "/blocks") -> list[str]:
    """List what Slack would refuse in a list of blocks.

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


def _section(block: dict[str, Any], at: str, problems: Problems) -> None:
    if "text" not in block and "fields" not in block:
        problems.add("missing required field: text", at)
    if "text" in block:
        either(block["text"], f"{at}/text", 3000, problems)
    if "fields" in block:
        for index, item in enumerate(problems.count(block["fields"], f"{at}/fields", 1, 10)):
            either(item, f"{at}/fields/{index}", 2000, problems)
    if "accessory" in block:
        check_element(block["accessory"], ACCESSORIES, f"{at}/accessory", problems)


def _header(block: dict[str, Any], at: str, problems: Problems) -> None:
    plain(block.get("text"), f"{at}/text", 150, problems)


def _divider(block: dict[str, Any], at: str, problems: Problems) -> None:
    if set(block) - {"type", "block_id"}:
        problems.add("no more fields allowed", at)


def _context(block: dict[str, Any], at: str, problems: Problems) -> None:
    for index, item in enumerate(problems.count(block.get("elements"), f"{at}/elements", 1, 10)):
        where = f"{at}/elements/{index}"
        if isinstance(item, dict) and item.get("type") == "image":
            check_image(item, where, problems)
        else:
            either(item, where, 3000, problems)


def _actions(block: dict[str, Any], at: str, problems: Problems) -> None:
    seen: set[str] = set()
    for index, item in enumerate(problems.count(block.get("elements"), f"{at}/elements", 1, 25)):
        where = f"{at}/elements/{index}"
        check_element(item, ACTION_ELEMENTS, where, problems)
        action_id = item.get("action_id") if isinstance(item, dict) else None
        if isinstance(action_id, str):
            if action_id in seen:
                problems.add(f"action_id {action_id} is already in use", f"{where}/action_id")
            seen.add(action_id)


def _input(block: dict[str, Any], at: str, problems: Problems) -> None:
    plain(block.get("label"), f"{at}/label", 2000, problems)
    if "hint" in block:
        plain(block["hint"], f"{at}/hint", 2000, problems)
    check_element(block.get("element"), INPUT_ELEMENTS, f"{at}/element", problems)


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
    either(block.get("text"), f"{at}/text", 3000, problems)


_CHECKS: dict[str, Callable[[dict[str, Any], str, Problems], None]] = {
    "section": _section,
    "divider": _divider,
    "header": _header,
    "context": _context,
    "actions": _actions,
    "image": check_image,
    "rich_text": _rich_text,
    "input": _input,
    "markdown": _markdown,
    "table": _table,
    "plan": _plan,
    "task_card": _task_card,
    "alert": _alert,
}


def check_view(view: object) -> list[str]:
    """List what Slack would refuse in a modal or a Home tab.

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
        plain(view.get("title"), "/view/title", 24, problems)
        for key in ("submit", "close"):
            if view.get(key) is not None:
                plain(view[key], f"/view/{key}", 24, problems)
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
