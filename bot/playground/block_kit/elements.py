"""The rules for the elements inside blocks: buttons, menus, inputs, images."""

from __future__ import annotations

from typing import Any

from bot.playground.block_kit.problems import Problems, either, plain

SELECTS = frozenset({"static_select", "multi_static_select"})
BUTTON_LIKE = frozenset({"button", "overflow", "static_select", "users_select", "datepicker", "timepicker"})
CHOICES = frozenset({"checkboxes", "radio_buttons"})
TYPED = frozenset({"plain_text_input", "number_input", "email_text_input", "url_text_input"})
ACTION_ELEMENTS = BUTTON_LIKE | CHOICES | {"multi_static_select", "multi_users_select"}
ACCESSORIES = ACTION_ELEMENTS | {"image"}
INPUT_ELEMENTS = (ACTION_ELEMENTS | TYPED) - {"button", "overflow"}


def check_image(block: dict[str, Any], at: str, problems: Problems) -> None:
    """Note what is wrong with an image, as a block or as an element."""
    if "image_url" not in block and "slack_file" not in block:
        problems.add("missing required field: image_url", at)
    if "image_url" in block:
        problems.length(block["image_url"], f"{at}/image_url", 3000)
    problems.length(block.get("alt_text"), f"{at}/alt_text", 2000)


def check_element(element: object, allowed: frozenset[str], at: str, problems: Problems) -> None:
    """Note what is wrong with an element that stands where only the types `allowed` may."""
    if not isinstance(element, dict):
        problems.add(f"missing required field: {at.rsplit('/', 1)[-1]}", at.rsplit("/", 1)[0])
        return
    kind = element.get("type")
    if not isinstance(kind, str) or kind not in allowed:
        problems.add(f"unsupported type: {kind}", f"{at}/type")
        return
    if kind == "image":
        check_image(element, at, problems)
        return
    if "action_id" in element:
        problems.length(element["action_id"], f"{at}/action_id", 255)
    if "placeholder" in element:
        plain(element["placeholder"], f"{at}/placeholder", 150, problems)
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
    plain(element.get("text"), f"{at}/text", 75, problems)
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
            plain(group.get("label"), f"{where}/label", 75, problems)
            _options(group.get("options"), f"{where}/options", 100, problems)


def _options(options: object, at: str, most: int, problems: Problems) -> None:
    for index, option in enumerate(problems.count(options, at, 1, most)):
        where = f"{at}/{index}"
        if not isinstance(option, dict):
            problems.add("must be an object", where)
            continue
        either(option.get("text"), f"{where}/text", 75, problems)
        problems.length(option.get("value"), f"{where}/value", 150)
        if "description" in option:
            either(option["description"], f"{where}/description", 75, problems)


def _text_input(element: dict[str, Any], at: str, problems: Problems) -> None:
    for key in ("min_length", "max_length"):
        value = element.get(key, 1)
        if not isinstance(value, int) or not 0 <= value <= 3000:
            problems.add("must be between 0 and 3000", f"{at}/{key}")


def _confirm(confirm: object, at: str, problems: Problems) -> None:
    if not isinstance(confirm, dict):
        problems.add("must be an object", at)
        return
    plain(confirm.get("title"), f"{at}/title", 100, problems)
    either(confirm.get("text"), f"{at}/text", 300, problems)
    plain(confirm.get("confirm"), f"{at}/confirm", 30, problems)
    plain(confirm.get("deny"), f"{at}/deny", 30, problems)
