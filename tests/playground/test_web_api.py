"""The Web API, called by Slack's own client."""

from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.playground import Playground, RunningPlayground, parse_workspace
from bot.playground.workspace.default_workspace import DEFAULT_WORKSPACE
from tests.playground.conftest import AMELIE, APP_TOKEN, BOB, BOT_TOKEN, OPS
from tests.playground.support import showcase

METADATA = {"event_type": "countersign_run", "event_payload": {"run": "R1", "state": "planning"}}


async def refusal(awaitable: Any) -> Any:
    with pytest.raises(SlackApiError) as caught:
        await awaitable
    return caught.value.response


async def post(client: AsyncWebClient, text: str = "hello", **more: Any) -> str:
    return str((await client.chat_postMessage(channel=OPS, text=text, **more))["ts"])


async def test_auth_test_says_who_it_is_and_which_scopes(client: AsyncWebClient) -> None:
    answer = await client.auth_test()
    assert (answer["user_id"], answer["bot_id"], answer["team_id"]) == ("U0COUNTER", "B0COUNTER", "T0PLAY")
    assert "reactions:write" in answer.headers["x-oauth-scopes"].split(",")


UNKNOWN_TS = "1.000001"
REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("chat.postMessage", {"channel": "C0NONE", "text": "x"}, "channel_not_found"),
    ("chat.postMessage", {"channel": "C0GENERAL", "text": "x"}, "not_in_channel"),
    ("chat.postMessage", {"channel": OPS}, "no_text"),
    ("chat.postMessage", {"text": "x"}, "invalid_arguments"),
    ("chat.postMessage", {"channel": OPS, "text": "x" * 40_001}, "msg_too_long"),
    ("chat.postMessage", {"channel": OPS, "blocks": "nonsense"}, "invalid_blocks_format"),
    ("chat.postMessage", {"channel": OPS, "blocks": [{"type": "x"}]}, "invalid_blocks"),
    ("chat.postMessage", {"channel": OPS, "attachments": [{"text": "x"}] * 101}, "too_many_attachments"),
    ("chat.postMessage", {"channel": OPS, "text": "x", "metadata": "no"}, "invalid_metadata_format"),
    ("chat.postMessage", {"channel": OPS, "text": "x", "metadata": {"event_type": "x"}}, "invalid_metadata_schema"),
    (
        "chat.postMessage",
        {"channel": OPS, "text": "x", "metadata": {"event_type": "x", "event_payload": {"x": "x" * 20_000}}},
        "metadata_too_large",
    ),
    ("chat.update", {"channel": OPS, "ts": UNKNOWN_TS, "text": "x"}, "message_not_found"),
    ("chat.delete", {"channel": OPS, "ts": UNKNOWN_TS}, "message_not_found"),
    ("chat.postEphemeral", {"channel": OPS, "user": "U0NONE", "text": "x"}, "user_not_found"),
    ("reactions.add", {"channel": OPS, "timestamp": UNKNOWN_TS, "name": "x"}, "message_not_found"),
    ("conversations.replies", {"channel": OPS, "ts": UNKNOWN_TS}, "thread_not_found"),
    ("conversations.history", {"channel": "C0GENERAL"}, "not_in_channel"),
    ("conversations.history", {"channel": OPS, "cursor": "nonsense"}, "invalid_cursor"),
    ("users.info", {"user": "U0NONE"}, "user_not_found"),
    ("usergroups.users.list", {"usergroup": "S0NONE"}, "no_such_subteam"),
    ("views.open", {"view": showcase.MODAL, "trigger_id": "1.2.3"}, "invalid_trigger_id"),
    ("views.open", {"view": {"type": "modal"}, "trigger_id": "1.2.3"}, "invalid_arguments"),
    ("views.update", {"view": showcase.MODAL, "view_id": "V0NONE"}, "not_found"),
    ("files.completeUploadExternal", {"files": [{"id": "F0NONE"}]}, "file_not_found"),
    ("apps.connections.open", {}, "not_allowed_token_type"),
    ("chat.shout", {}, "unknown_method"),
]


@pytest.mark.parametrize(("method", "arguments", "error"), REFUSED)
async def test_refusals_have_slacks_names(
    client: AsyncWebClient, server: RunningPlayground, method: str, arguments: dict[str, Any], error: str
) -> None:
    assert (await refusal(client.api_call(method, json=arguments)))["error"] == error
    assert server.state.conversation(OPS).messages == {}


async def test_tokens_are_checked(server: RunningPlayground, session: aiohttp.ClientSession) -> None:
    async with session.post(f"{server.api_url}auth.test") as answer:
        assert (await answer.json())["error"] == "not_authed"
    wrong = AsyncWebClient(token="xoxb-other", base_url=server.api_url)
    assert (await refusal(wrong.auth_test()))["error"] == "invalid_auth"


async def test_a_missing_scope_is_named() -> None:
    file = {**DEFAULT_WORKSPACE, "app": {**DEFAULT_WORKSPACE["app"], "scopes": ["chat:write", "commands"]}}
    async with Playground(parse_workspace(file)).serve() as server:
        client = AsyncWebClient(token="xoxb-playground", base_url=server.api_url)
        answer = await refusal(client.users_info(user=BOB))
        assert (answer["error"], answer["needed"]) == ("missing_scope", "users:read")
        assert answer["provided"] == "chat:write,commands"


async def test_every_problem_of_the_blocks_is_told(client: AsyncWebClient) -> None:
    blocks = [{"type": "header", "text": showcase.plain("x" * 200)}, {"type": "nonsense"}]
    answer = await refusal(client.chat_postMessage(channel=OPS, text="x", blocks=blocks))
    assert answer["response_metadata"]["messages"] == [
        "[ERROR] must be less than 151 characters [json-pointer:/blocks/0/text/text]",
        "[ERROR] unsupported type: nonsense [json-pointer:/blocks/1/type]",
    ]


async def test_blocks_that_are_too_long_in_all_are_refused(client: AsyncWebClient) -> None:
    blocks = [{"type": "section", "text": showcase.mrkdwn("x" * 2900)}] * 5
    assert (await refusal(client.chat_postMessage(channel=OPS, text="x", blocks=blocks)))[
        "error"
    ] == "msg_blocks_too_long"


async def test_the_encodings_of_the_client_all_arrive(
    server: RunningPlayground, session: aiohttp.ClientSession
) -> None:
    url, headers = f"{server.api_url}chat.postMessage", {"Authorization": "Bearer xoxb-playground"}
    arguments = {"channel": OPS, "text": "hé & 1"}
    for given in ({"json": arguments}, {"data": arguments}, {"params": arguments}):
        async with session.post(url, headers=headers, **given) as answer:
            assert (await answer.json())["message"]["text"] == "hé & 1"
    async with session.post(url, data={**arguments, "token": "xoxb-playground"}) as answer:
        assert (await answer.json())["ok"] is True


async def test_metadata_is_kept_and_given_back_on_request(client: AsyncWebClient) -> None:
    ts = await post(client, metadata=METADATA)
    with_it = await client.conversations_history(channel=OPS, include_all_metadata=True)
    without = await client.conversations_history(channel=OPS)
    assert with_it["messages"][0]["metadata"] == METADATA
    assert "metadata" not in without["messages"][0]
    await client.chat_update(channel=OPS, ts=ts, text="edited")
    replies = await client.conversations_replies(channel=OPS, ts=ts, include_all_metadata=True)
    assert (replies["messages"][0]["text"], replies["messages"][0]["metadata"]) == ("edited", METADATA)
    await client.chat_update(channel=OPS, ts=ts, text="edited", metadata={})
    replies = await client.conversations_replies(channel=OPS, ts=ts, include_all_metadata=True)
    assert "metadata" not in replies["messages"][0]


async def test_an_update_keeps_blocks_unless_they_are_named(client: AsyncWebClient) -> None:
    ts = await post(client, blocks=showcase.CARD)
    kept = await client.chat_update(channel=OPS, ts=ts, text="x")
    assert [block["type"] for block in kept["message"]["blocks"]] == [block["type"] for block in showcase.CARD]
    gone = await client.chat_update(channel=OPS, ts=ts, text="x", blocks=[])
    assert "blocks" not in gone["message"]
    assert gone["message"]["edited"]["user"] == "U0COUNTER"


async def test_an_update_has_a_shorter_limit(client: AsyncWebClient) -> None:
    ts = await post(client)
    assert (await refusal(client.chat_update(channel=OPS, ts=ts, text="x" * 4001)))["error"] == "msg_too_long"


async def test_only_own_messages_can_be_changed(client: AsyncWebClient, server: RunningPlayground) -> None:
    ts = server.client_actions.write(AMELIE, OPS, "mine").ts
    assert (await refusal(client.chat_update(channel=OPS, ts=ts, text="x")))["error"] == "cant_update_message"
    assert (await refusal(client.chat_delete(channel=OPS, ts=ts)))["error"] == "cant_delete_message"


async def test_threads(client: AsyncWebClient) -> None:
    parent = await post(client, "card")
    first = await post(client, "one", thread_ts=parent)
    await post(client, "two", thread_ts=parent, reply_broadcast=True)
    answer = await refusal(client.chat_postMessage(channel=OPS, text="x", thread_ts=first))
    assert answer["error"] == "cannot_reply_to_message"
    thread = (await client.conversations_replies(channel=OPS, ts=parent))["messages"]
    assert [message["text"] for message in thread] == ["card", "one", "two"]
    assert (thread[0]["reply_count"], thread[1]["thread_ts"]) == (2, parent)
    history = (await client.conversations_history(channel=OPS))["messages"]
    assert [message["text"] for message in history] == ["two", "card"]


async def test_a_reply_to_what_is_not_there_stands_in_the_channel(client: AsyncWebClient) -> None:
    answer = await client.chat_postMessage(channel=OPS, text="x", thread_ts=UNKNOWN_TS)
    assert "thread_ts" not in answer["message"]
    (history,) = (await client.conversations_history(channel=OPS))["messages"]
    assert history["ts"] == answer["ts"]


async def test_channels_that_take_no_message() -> None:
    channels = [
        *DEFAULT_WORKSPACE["channels"],
        {"id": "C0OLD", "name": "old", "members": ["U0COUNTER"], "is_archived": True},
        {"id": "C0SECRET", "name": "secret", "members": [AMELIE], "is_private": True},
    ]
    app = {**DEFAULT_WORKSPACE["app"], "messages_tab": False}
    async with Playground(parse_workspace({**DEFAULT_WORKSPACE, "channels": channels, "app": app})).serve() as server:
        client = AsyncWebClient(token="xoxb-playground", base_url=server.api_url)
        for channel, error in (
            ("C0OLD", "is_archived"),
            ("C0SECRET", "channel_not_found"),
            ("C0GENERAL", "not_in_channel"),
            (AMELIE, "messages_tab_disabled"),
        ):
            assert (await refusal(client.chat_postMessage(channel=channel, text="x")))["error"] == error
        assert (await refusal(client.conversations_info(channel="C0SECRET")))["error"] == "channel_not_found"
        assert (await client.conversations_info(channel="C0OLD"))["channel"]["is_archived"]


async def test_deleting_a_parent_leaves_a_tombstone(client: AsyncWebClient) -> None:
    parent = await post(client, "card")
    await post(client, "one", thread_ts=parent)
    await client.chat_delete(channel=OPS, ts=parent)
    thread = (await client.conversations_replies(channel=OPS, ts=parent))["messages"]
    assert [message.get("subtype") for message in thread] == ["tombstone", None]
    assert (await refusal(client.chat_update(channel=OPS, ts=parent, text="x")))["error"] == "message_not_found"
    refused = await refusal(client.chat_postMessage(channel=OPS, text="two", thread_ts=parent))
    assert refused["error"] == "cannot_reply_to_message"


async def test_no_message_of_an_archived_channel_is_edited(client: AsyncWebClient, server: RunningPlayground) -> None:
    ts = await post(client, "card")
    server.state.conversation(OPS).is_archived = True
    assert (await refusal(client.chat_update(channel=OPS, ts=ts, text="x")))["error"] == "is_inactive"


async def test_history_comes_in_pages(client: AsyncWebClient) -> None:
    stamps = [await post(client, str(number)) for number in range(5)]
    seen: list[str] = []
    async for page in await client.conversations_history(channel=OPS, limit=2):
        seen += [message["text"] for message in page["messages"]]
    assert seen == ["4", "3", "2", "1", "0"]
    between = await client.conversations_history(channel=OPS, oldest=stamps[1], latest=stamps[3])
    assert [message["text"] for message in between["messages"]] == ["2"]
    whole = await client.conversations_history(channel=OPS, oldest=stamps[1], latest=stamps[3], inclusive=True)
    assert [message["text"] for message in whole["messages"]] == ["3", "2", "1"]


async def test_reactions(client: AsyncWebClient, server: RunningPlayground) -> None:
    ts = await post(client)
    place = {"channel": OPS, "timestamp": ts}
    await client.reactions_add(**place, name="thumbsup")
    assert (await refusal(client.reactions_add(**place, name="+1")))["error"] == "already_reacted"
    assert (await refusal(client.reactions_add(**place, name="nonsense")))["error"] == "invalid_name"
    server.client_actions.react(BOB, OPS, ts, "thumbsup::skin-tone-3")
    server.client_actions.react(BOB, OPS, ts, "+1")
    found = (await client.reactions_get(**place, full=True))["message"]["reactions"]
    assert found == [
        {"name": "+1", "users": ["U0COUNTER", BOB], "count": 2},
        {"name": "+1::skin-tone-3", "users": [BOB], "count": 1},
    ]
    await client.reactions_remove(**place, name="+1")
    assert (await refusal(client.reactions_remove(**place, name="+1")))["error"] == "no_reaction"


async def test_people_groups_and_channels(client: AsyncWebClient) -> None:
    assert (await client.usergroups_users_list(usergroup="S0RELEASE"))["users"] == [BOB]
    assert (await client.usergroups_list())["usergroups"][0]["handle"] == "releasers"
    assert (await client.users_info(user=BOB))["user"]["tz"] == "Europe/London"
    assert "U0COUNTER" in [user["id"] for user in (await client.users_list())["members"]]
    assert (await client.bots_info(bot="B0COUNTER"))["bot"]["user_id"] == "U0COUNTER"
    channels = (await client.conversations_list())["channels"]
    assert [(channel["name"], channel["is_member"]) for channel in channels] == [("ops", True), ("general", False)]
    await client.conversations_join(channel="C0GENERAL")
    assert "U0COUNTER" in (await client.conversations_members(channel="C0GENERAL"))["members"]
    direct = (await client.conversations_open(users=BOB))["channel"]["id"]
    assert (await client.chat_postMessage(channel=BOB, text="psst"))["channel"] == direct


async def test_pins_and_permalinks(client: AsyncWebClient, session: aiohttp.ClientSession) -> None:
    ts = await post(client)
    await client.pins_add(channel=OPS, timestamp=ts)
    assert (await refusal(client.pins_add(channel=OPS, timestamp=ts)))["error"] == "already_pinned"
    link = (await client.chat_getPermalink(channel=OPS, message_ts=ts))["permalink"]
    async with session.get(link) as answer:
        assert answer.status == 200


async def test_a_file_goes_into_a_thread(client: AsyncWebClient, server: RunningPlayground) -> None:
    parent = await post(client, "card")
    content = "".join(f"line {number} é\n" for number in range(1000))
    answer = await client.files_upload_v2(
        channel=OPS, thread_ts=parent, content=content, filename="run.log", initial_comment="the log"
    )
    thread = (await client.conversations_replies(channel=OPS, ts=parent))["messages"]
    assert (thread[1]["text"], thread[1]["files"][0]["name"]) == ("the log", "run.log")
    file = server.state.files[answer["file"]["id"]]
    assert file.content == content.encode()
    url, token = thread[1]["files"][0]["url_private"], {"Authorization": f"Bearer {BOT_TOKEN}"}
    async with aiohttp.ClientSession() as session:
        async with session.get(url, headers=token) as download:
            assert (await download.text()) == content
        for headers in ({}, {"Authorization": "Bearer xoxb-foreign"}):
            async with session.get(url, headers=headers, allow_redirects=False) as refused:
                assert refused.status == 302
    assert (await client.files_info(file=file.id))["content"] == content


async def test_the_app_token_opens_a_connection_and_nothing_else(server: RunningPlayground) -> None:
    client = AsyncWebClient(base_url=server.api_url)
    url = (await client.apps_connections_open(app_token=APP_TOKEN))["url"]
    assert url.startswith("ws://127.0.0.1:")
    wrong = AsyncWebClient(token=APP_TOKEN, base_url=server.api_url)
    assert (await refusal(wrong.auth_test()))["error"] == "not_allowed_token_type"
