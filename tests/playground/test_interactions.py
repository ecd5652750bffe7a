"""Buttons, response URLs, modals and the Home tab, with the real bolt client."""

from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.playground import RunningPlayground
from tests.playground.conftest import AMELIE, BOB, OPS, Person, connected, new_app, until
from tests.playground.support import showcase

FORM = {
    "environment": {"value": "production"},
    "ref": {"value": "v1.2"},
    "hosts": {"value": ["web1", "web2"]},
    "how": {"value": ["dry"]},
}


async def test_a_click_carries_the_whole_message(server: RunningPlayground, bob: Person) -> None:
    app, got = new_app(server), []

    @app.action("run_cancel")
    async def cancel(ack: Any, body: dict[str, Any], respond: Any) -> None:
        await ack()
        got.append(body)
        await respond(replace_original=True, text="cancelled")

    async with connected(app):
        sent = await app.client.chat_postMessage(channel=OPS, text="card", blocks=showcase.CARD)
        ts = sent["ts"]
        assert (await bob.does("click", channel=OPS, ts=ts, action_id="run_cancel"))["outcome"] == "acked"
        assert (await bob.does("click", channel=OPS, ts=ts, action_id="nothing"))["ok"] is False
    body = got[0]
    assert (body["actions"][0]["value"], body["user"]["id"], body["channel"]["id"]) == ("R7", BOB, OPS)
    assert body["container"] == {"type": "message", "message_ts": ts, "channel_id": OPS, "is_ephemeral": False}
    assert body["message"]["blocks"][0]["type"] == "header"
    message = server.state.message(OPS, ts)
    assert (message.text, message.blocks) == ("cancelled", None)


async def test_a_menu_sends_the_chosen_option(server: RunningPlayground, bob: Person) -> None:
    app, got = new_app(server), []

    @app.action("run_more")
    async def more(ack: Any, body: dict[str, Any]) -> None:
        await ack()
        got.append(body["actions"][0])

    async with connected(app):
        sent = await app.client.chat_postMessage(channel=OPS, text="card", blocks=showcase.CARD)
        await bob.does("click", channel=OPS, ts=sent["ts"], action_id="run_more", value="log")
        wrong = await bob.does("click", channel=OPS, ts=sent["ts"], action_id="run_more", value="nonsense")
    assert got[0]["selected_option"]["value"] == "log"
    assert wrong == {"ok": False, "error": "there is no option 'nonsense'"}


async def test_a_response_url_works_five_times(
    server: RunningPlayground, session: aiohttp.ClientSession, amelie: Person
) -> None:
    app, urls = new_app(server), []

    @app.command("/ops")
    async def ops(ack: Any, body: dict[str, Any]) -> None:
        await ack()
        urls.append(body["response_url"])

    async with connected(app):
        await amelie.does("command", channel=OPS, text="/ops")
    statuses = []
    for number in range(6):
        kind = "in_channel" if number == 0 else "ephemeral"
        async with session.post(urls[0], json={"text": f"answer {number}", "response_type": kind}) as answer:
            statuses.append((answer.status, await answer.text()))
    assert statuses[:5] == [(200, "ok")] * 5
    assert statuses[5][0] == 404
    assert "used_url" in statuses[5][1]
    assert await amelie.ephemerals() == [f"answer {number}" for number in range(1, 5)]
    assert [message.text for message in server.state.conversation(OPS).messages.values()] == ["answer 0"]


async def test_a_button_of_an_ephemeral_message_can_take_it_away(server: RunningPlayground, amelie: Person) -> None:
    app = new_app(server)

    @app.action("run_log")
    async def log(ack: Any, body: dict[str, Any], respond: Any) -> None:
        await ack()
        assert body["container"]["is_ephemeral"] is True
        await respond(delete_original=True)

    async with connected(app):
        sent = await app.client.chat_postEphemeral(channel=OPS, user=AMELIE, text="x", blocks=showcase.CARD)
        assert await amelie.ephemerals() == ["x"]
        await amelie.does("click", channel=OPS, ts=sent["message_ts"], action_id="run_log")
    assert await amelie.ephemerals() == []


async def open_modal(app: Any, amelie: Person, server: RunningPlayground) -> str:
    @app.command("/deploy")
    async def deploy(ack: Any, body: dict[str, Any], client: AsyncWebClient) -> None:
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=showcase.MODAL)
        with pytest.raises(SlackApiError, match="exchanged_trigger_id"):
            await client.views_open(trigger_id=body["trigger_id"], view=showcase.MODAL)

    await amelie.does("command", channel=OPS, text="/deploy")
    return server.state.stacks[AMELIE][-1]


async def test_a_modal_is_submitted_with_its_values(server: RunningPlayground, amelie: Person) -> None:
    app, got = new_app(server), []

    @app.view("deploy")
    async def submitted(ack: Any, view: dict[str, Any]) -> None:
        got.append(view["state"]["values"])
        if len(got) == 1:
            await ack(response_action="errors", errors={"ref": "no such branch"})
        else:
            await ack()

    async with connected(app):
        view = await open_modal(app, amelie, server)
        empty = await amelie.does("submit", view_id=view, values={})
        assert empty["errors"] == {"environment": "Please complete this required field."}
        assert got == []
        assert (await amelie.does("submit", view_id=view, values=FORM))["errors"] == {"ref": "no such branch"}
        assert server.state.stacks[AMELIE] == [view]
        assert (await amelie.does("submit", view_id=view, values=FORM))["errors"] == {}
    values = got[0]
    assert values["environment"]["value"]["selected_option"]["value"] == "production"
    assert values["ref"]["value"] == {"type": "plain_text_input", "value": "v1.2"}
    assert [option["value"] for option in values["hosts"]["value"]["selected_options"]] == ["web1", "web2"]
    assert values["when"]["value"]["selected_option"]["value"] == "now"
    assert server.state.stacks[AMELIE] == []


@pytest.mark.parametrize(
    ("response", "titles"), [("update", ["Second"]), ("push", ["Deploy", "Second"]), ("clear", [])]
)
async def test_what_a_submission_may_be_answered_with(
    server: RunningPlayground, amelie: Person, response: str, titles: list[str]
) -> None:
    app = new_app(server)

    @app.view("deploy")
    async def submitted(ack: Any) -> None:
        if response == "clear":
            await ack(response_action="clear")
        else:
            await ack(response_action=response, view={**showcase.MODAL, "title": showcase.plain("Second")})

    async with connected(app):
        view = await open_modal(app, amelie, server)
        assert (await amelie.does("submit", view_id=view, values=FORM))["errors"] == {}
    shown = (await amelie.sees())["views"].get(AMELIE, [])
    assert [item["title"]["text"] for item in shown] == titles


async def test_closing_a_modal_is_told_to_the_app(server: RunningPlayground, amelie: Person) -> None:
    app, got = new_app(server), []

    @app.view_closed("deploy")
    async def closed(ack: Any, body: dict[str, Any]) -> None:
        await ack()
        got.append(body["view"]["callback_id"])

    async with connected(app):
        view = await open_modal(app, amelie, server)
        await amelie.does("close", view_id=view)
    assert got == ["deploy"]
    assert server.state.views == {}


async def test_an_update_of_a_modal_with_an_old_hash_is_refused(server: RunningPlayground, amelie: Person) -> None:
    app = new_app(server)
    async with connected(app):
        view = await open_modal(app, amelie, server)
    old = server.state.views[view].hash
    await app.client.views_update(view_id=view, hash=old, view=showcase.MODAL)
    with pytest.raises(SlackApiError, match="hash_conflict"):
        await app.client.views_update(view_id=view, hash=old, view=showcase.MODAL)


async def test_an_old_trigger_is_refused(server: RunningPlayground, client: AsyncWebClient) -> None:
    server.state.triggers.seconds = -1.0
    trigger = server.state.triggers.hand_out(AMELIE)
    with pytest.raises(SlackApiError, match="expired_trigger_id"):
        await client.views_open(trigger_id=trigger, view=showcase.MODAL)


async def test_the_home_tab(server: RunningPlayground, amelie: Person) -> None:
    app, got = new_app(server), []

    @app.event("app_home_opened")
    async def opened(event: dict[str, Any], client: AsyncWebClient) -> None:
        await client.views_publish(user_id=event["user"], view=showcase.HOME)

    @app.action("home_deploy")
    async def deploy(ack: Any, body: dict[str, Any]) -> None:
        await ack()
        got.append((body["view"]["type"], body["actions"][0]["value"], bool(body["trigger_id"])))

    async with connected(app):
        await amelie.does("home")

        async def published() -> Any:
            return (await amelie.sees())["homes"].get(AMELIE)

        home = await until(published, "the Home tab is published")
        assert home["blocks"][0]["text"]["text"] == "Countersign"
        await amelie.does("click", view_id=home["id"], action_id="home_deploy")
    assert got == [("home", "compte", True)]


async def test_people_see_only_their_own(server: RunningPlayground, amelie: Person, bob: Person) -> None:
    app = new_app(server)
    async with connected(app):
        view = await open_modal(app, amelie, server)
        assert "sees no view" in (await bob.does("submit", view_id=view, values=FORM))["error"]
    sent = await app.client.chat_postEphemeral(channel=OPS, user=AMELIE, text="x", blocks=showcase.CARD)
    answer = await bob.does("click", channel=OPS, ts=sent["message_ts"], action_id="run_log")
    assert answer["ok"] is False
