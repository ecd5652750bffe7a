"""The limits of blocks, as a table: what is sent, and the start of what Slack says to it."""

from typing import Any

import pytest

from bot.playground.block_kit.blocks import Surface, check_blocks, check_view
from tests.playground.support import showcase
from tests.playground.support.showcase import mrkdwn, option, plain


def section(text: str = "x", **more: Any) -> dict[str, Any]:
    return {"type": "section", "text": mrkdwn(text), **more}


def button(**more: Any) -> dict[str, Any]:
    return {"type": "button", "text": plain("Go"), "action_id": "go", **more}


def actions(*elements: dict[str, Any]) -> dict[str, Any]:
    return {"type": "actions", "elements": list(elements)}


def select(count: int) -> dict[str, Any]:
    return {
        "type": "static_select",
        "action_id": "s",
        "options": [option(str(i), str(i)) for i in range(count)],
    }


def table(rows: int, cells: int) -> dict[str, Any]:
    return {"type": "table", "rows": [[{"type": "raw_text", "text": "x"}] * cells for _ in range(rows)]}


def card(**more: Any) -> dict[str, Any]:
    return {"type": "task_card", "task_id": "t", "title": "T", "status": "pending", **more}


EXACTLY_ALLOWED = [
    [section()] * 50,
    [section("x" * 3000)],
    [{"type": "header", "text": plain("x" * 150)}],
    [{"type": "section", "fields": [mrkdwn("x" * 2000)] * 10}],
    [{"type": "context", "elements": [mrkdwn("x")] * 10}],
    [actions(*[button(action_id=f"a{i}") for i in range(25)])],
    [section(block_id="x" * 255)],
    [actions(button(action_id="x" * 255, value="x" * 2000, text=plain("x" * 75)))],
    [{"type": "markdown", "text": "x" * 12_000}],
    [table(100, 20)],
    [actions(select(100))],
    showcase.CARD,
    showcase.PLAN_TEXT,
    showcase.PROGRESS,
]


@pytest.mark.parametrize("blocks", EXACTLY_ALLOWED)
def test_what_is_just_within_the_limits_is_taken(blocks: list[Any]) -> None:
    assert check_blocks(blocks, Surface.MESSAGE) == []


REFUSED = [
    ([section()] * 51, "no more than 50 items allowed [json-pointer:/blocks]"),
    ([section("x" * 3001)], "must be less than 3001 characters [json-pointer:/blocks/0/text/text]"),
    ([section("")], "must be more than 0 characters [json-pointer:/blocks/0/text/text]"),
    ([{"type": "header", "text": plain("x" * 151)}], "must be less than 151 characters"),
    ([{"type": "header", "text": mrkdwn("x")}], "must be one of: plain_text [json-pointer:/blocks/0/text/type]"),
    ([{"type": "section", "fields": [mrkdwn("x")] * 11}], "no more than 10 items allowed"),
    ([{"type": "section", "fields": [mrkdwn("x" * 2001)]}], "must be less than 2001 characters"),
    ([{"type": "section"}], "missing required field: text [json-pointer:/blocks/0]"),
    ([{"type": "context", "elements": [mrkdwn("x")] * 11}], "no more than 10 items allowed"),
    ([{"type": "context", "elements": []}], "must have at least 1 item [json-pointer:/blocks/0/elements]"),
    ([actions(*[button(action_id=f"a{i}") for i in range(26)])], "no more than 25 items allowed"),
    ([actions(button(), button())], "action_id go is already in use"),
    ([section(block_id="x" * 256)], "must be less than 256 characters [json-pointer:/blocks/0/block_id]"),
    ([section(block_id="b"), section(block_id="b")], "block_id b is already in use [json-pointer:/blocks/1"),
    ([actions(button(action_id="x" * 256))], "must be less than 256 characters"),
    ([actions(button(text=plain("x" * 76)))], "must be less than 76 characters"),
    ([actions(button(value="x" * 2001))], "must be less than 2001 characters"),
    ([actions(button(style="loud"))], "must be one of: primary, danger"),
    ([actions(select(101))], "no more than 100 items allowed"),
    ([actions(select(0))], "must have at least 1 item"),
    ([{"type": "markdown", "text": "x" * 7000}] * 2, "markdown blocks must be less than 12001 characters"),
    ([table(101, 1)], "no more than 100 items allowed [json-pointer:/blocks/0/rows]"),
    ([table(1, 21)], "no more than 20 items allowed [json-pointer:/blocks/0/rows/0]"),
    ([table(1, 1), table(1, 1)], "only_one_table_allowed"),
    ([{"type": "nonsense"}], "unsupported type: nonsense [json-pointer:/blocks/0/type]"),
    ([{}], "missing required field: type [json-pointer:/blocks/0]"),
    (["text"], "must be an object [json-pointer:/blocks/0]"),
    ("text", "must be an array [json-pointer:/blocks]"),
    ([{"type": "alert", "text": plain("x")}], "unsupported type: alert"),
    ([card(status="done")], "must be one of: pending, in_progress, complete, error"),
    ([{"type": "plan", "title": "P", "tasks": [section()]}], "must be a task_card block"),
    ([section(accessory={"type": "plain_text_input"})], "unsupported type: plain_text_input"),
]


@pytest.mark.parametrize(("blocks", "sentence"), REFUSED)
def test_what_is_beyond_the_limits_is_refused_in_slacks_words(blocks: Any, sentence: str) -> None:
    problems = check_blocks(blocks, Surface.MESSAGE)
    assert any(problem.startswith(sentence) for problem in problems), problems


@pytest.mark.parametrize("kind", ["plan", "task_card", "markdown", "table"])
@pytest.mark.parametrize("surface", [Surface.HOME, Surface.MODAL])
def test_some_blocks_are_for_messages_only(kind: str, surface: Surface) -> None:
    assert check_blocks([{"type": kind}], surface) == [f"unsupported type: {kind} [json-pointer:/blocks/0/type]"]


def test_views_take_a_hundred_blocks() -> None:
    assert check_blocks([section()] * 100, Surface.HOME) == []
    assert check_blocks([section()] * 101, Surface.MODAL) == ["no more than 100 items allowed [json-pointer:/blocks]"]


VIEWS = [
    ({**showcase.MODAL, "title": plain("x" * 25)}, "must be less than 25 characters [json-pointer:/view/title/text]"),
    ({**showcase.MODAL, "submit": None}, "missing required field: submit"),
    ({**showcase.MODAL, "private_metadata": "x" * 3001}, "must be less than 3001 characters"),
    ({"type": "poster", "blocks": []}, "must be one of: modal, home"),
    ({"type": "home"}, "must be an array [json-pointer:/view/blocks]"),
    ([], "must be an object [json-pointer:/view]"),
]


@pytest.mark.parametrize(("view", "sentence"), VIEWS)
def test_views_beyond_the_limits_are_refused(view: Any, sentence: str) -> None:
    assert any(problem.startswith(sentence) for problem in check_view(view)), check_view(view)


def test_the_views_of_the_showcase_are_taken() -> None:
    assert check_view(showcase.MODAL) == []
    assert check_view(showcase.HOME) == []
