"""Whatever an app sends, the answer is one of Slack's errors, never a crash."""

from typing import Any

import aiohttp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.playground import RunningPlayground
from bot.playground.block_kit.blocks import SURFACES, Surface, check_blocks, check_view
from bot.playground.client.views import form_state
from bot.playground.web_api import METHODS
from bot.playground.workspace.default_workspace import default_workspace
from bot.playground.workspace.state import State
from tests.playground.conftest import OPS
from tests.playground.support import showcase

WORDS = st.sampled_from(
    [*SURFACES, "plain_text", "mrkdwn", "button", "overflow", "static_select", "modal", "home", "image", "", "x"]
)
KEYS = st.sampled_from(
    [
        "type",
        "text",
        "fields",
        "accessory",
        "elements",
        "element",
        "label",
        "options",
        "value",
        "block_id",
        "action_id",
        "title",
        "tasks",
        "status",
        "rows",
        "confirm",
        "placeholder",
        "option_groups",
        "blocks",
        "submit",
        "private_metadata",
        "details",
        "style",
        "url",
        "hint",
    ]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=20,
)
GOOD = [*showcase.CARD, *showcase.PLAN_TEXT, *showcase.PROGRESS, *showcase.MODAL["blocks"]]


@st.composite
def damaged(draw: st.DrawFn) -> Any:
    """A good block with one part replaced by anything."""

    def damage(value: Any) -> Any:
        if isinstance(value, dict) and value and draw(st.booleans()):
            key = draw(st.sampled_from(sorted(value)))
            return {**value, key: damage(value[key])}
        if isinstance(value, list) and value and draw(st.booleans()):
            return [damage(value[0]), *value[1:]]
        return draw(JSON)

    return damage(draw(st.sampled_from(GOOD)))


@given(st.lists(damaged() | JSON, max_size=3), st.sampled_from(Surface))
def test_blocks_are_judged_and_what_is_taken_can_be_used(blocks: list[Any], surface: Surface) -> None:
    problems = check_blocks(blocks, surface)
    assert all("[json-pointer:/blocks" in problem for problem in problems)
    if not problems:
        form_state(State(default_workspace()).name_blocks(blocks) or [], {})


@given(JSON)
def test_views_are_judged(view: Any) -> None:
    assert all("[json-pointer:/view" in problem for problem in check_view(view))


ARGUMENTS = st.dictionaries(
    st.sampled_from(
        [
            "channel",
            "text",
            "blocks",
            "metadata",
            "ts",
            "thread_ts",
            "timestamp",
            "name",
            "user",
            "users",
            "view",
            "view_id",
            "trigger_id",
            "files",
            "filename",
            "length",
            "limit",
            "cursor",
            "oldest",
            "latest",
            "types",
            "attachments",
            "channel_id",
            "usergroup",
            "bot",
            "user_id",
            "hash",
        ]
    ),
    JSON | st.sampled_from([OPS, "U0BOB", "1.1", "1", "[]", "{}", '{"type": "home", "blocks": []}']),
    max_size=6,
)


async def test_no_method_crashes(server: RunningPlayground, session: aiohttp.ClientSession) -> None:
    cases: list[tuple[str, dict[str, Any]]] = []

    @settings(max_examples=400, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.sampled_from(sorted(METHODS)), ARGUMENTS)
    def collect(method: str, arguments: dict[str, Any]) -> None:
        cases.append((method, arguments))

    collect()
    headers = {"Authorization": "Bearer xoxb-playground"}
    for method, arguments in cases:
        async with session.post(f"{server.api_url}{method}", json=arguments, headers=headers) as answer:
            assert answer.status == 200, (method, arguments)
            body = await answer.json()
            assert body["ok"] or body["error"], (method, arguments)


async def test_a_foreign_name_is_refused(server: RunningPlayground, session: aiohttp.ClientSession) -> None:
    async with session.get(f"{server.url}playground/state", headers={"Host": "evil.example"}) as answer:
        assert answer.status == 403
