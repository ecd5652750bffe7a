"""The page in Chromium, as people use it. Screenshots are kept in build/screenshots."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from playwright.async_api import Browser, Page, ViewportSize, async_playwright, expect
from slack_sdk.web.async_client import AsyncWebClient

from bot.playground import Playground, RunningPlayground
from bot.playground.workspace.default_workspace import default_workspace
from tests.playground.conftest import AMELIE, BOB, OPS, connected, new_app
from tests.playground.support import showcase

pytestmark = pytest.mark.xdist_group("chromium")

SCREENSHOTS = Path(__file__).parents[2] / "build" / "screenshots"
WIDE, NARROW = ViewportSize(width=1280, height=800), ViewportSize(width=390, height=844)
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        yield opened
        await opened.close()


class Window:
    """A page, and what went wrong in it."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.complaints: list[str] = []
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda message: message.type == "error" and self.complaints.append(message.text))
        page.on(
            "request", lambda request: request.url.startswith((url, "data:")) or self.complaints.append(request.url)
        )

    async def open(self, path: str = "") -> Page:
        await self.page.goto(self.url + path)
        await self.page.wait_for_selector("body[data-ready]")
        return self.page

    async def shot(self, name: str) -> None:
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        await self.page.screenshot(path=SCREENSHOTS / f"{name}.png")


async def window(browser: Browser, server: RunningPlayground, size: ViewportSize, scheme: Any = "light") -> Window:
    context = await browser.new_context(viewport=size, color_scheme=scheme)
    context.set_default_timeout(8000)
    return Window(await context.new_page(), server.url)


async def tell_story(server: RunningPlayground) -> str:
    """Put a deploy that is under way into the channel, and give the card's timestamp."""
    client = AsyncWebClient(token="xoxb-playground", base_url=server.api_url)
    server.client_actions.write(AMELIE, OPS, "The token migration is ready. I deploy it *now* :rocket: cc @bob")
    card = await client.chat_postMessage(channel=OPS, text="Deploy compte", blocks=showcase.CARD)
    thread = {"channel": OPS, "thread_ts": card["ts"]}
    await client.chat_postMessage(**thread, text="plan", blocks=showcase.PLAN_TEXT)
    request = await client.chat_postMessage(**thread, text="please approve", blocks=showcase.REQUEST)
    for name in ("white_check_mark", "x"):
        await client.reactions_add(channel=OPS, timestamp=request["ts"], name=name)
    await client.chat_postMessage(**thread, text="progress", blocks=showcase.PROGRESS)
    await client.files_upload_v2(**thread, filename="run-R7.log", content="\n".join(map(str, range(40))), title="Log")
    await client.chat_postEphemeral(channel=OPS, user=AMELIE, text="There is no environment `prod`.")
    return str(card["ts"])


@pytest.mark.parametrize(("size", "scheme"), [(WIDE, "light"), (WIDE, "dark"), (NARROW, "light"), (NARROW, "dark")])
async def test_screenshots(browser: Browser, server: RunningPlayground, size: ViewportSize, scheme: str) -> None:
    name = f"{size['width']}-{scheme}"
    seen = await window(browser, server, size, scheme)
    page = await seen.open()
    await expect(page.get_by_text("Start here")).to_be_visible()
    await seen.shot(f"welcome-{name}")
    ts = await tell_story(server)
    await expect(page.get_by_text("Only visible to you")).to_be_visible()
    await seen.shot(f"channel-{name}")
    await page.locator(".thread-link").click()
    await expect(page.locator("#thread .file-preview")).to_contain_text("5")
    await seen.shot(f"thread-{name}")
    overflow = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert overflow == 0
    await page.goto(f"{server.url}#/C0OPS")
    await page.fill("#composer-text", "/")
    await seen.shot(f"commands-{name}")
    await page.fill("#composer-text", "")
    await page.click("#open-menu")
    await seen.shot(f"faults-{name}")
    await page.keyboard.press("Escape")
    client = AsyncWebClient(token="xoxb-playground", base_url=server.api_url)
    await client.views_open(trigger_id=server.state.triggers.hand_out(AMELIE), view=showcase.MODAL)
    await page.get_by_role("button", name="Make the plan").click()
    await expect(page.get_by_text("Please complete this required field.")).to_be_visible()
    await seen.shot(f"modal-{name}")
    assert ts
    assert seen.complaints == []


async def test_a_command_is_completed_sent_and_answered(browser: Browser, server: RunningPlayground) -> None:
    app = new_app(server)

    @app.command("/deploy")
    async def deploy(ack: Any, body: dict[str, Any], client: AsyncWebClient) -> None:
        await ack(f"planning {body['text']}")
        await client.chat_postMessage(channel=OPS, text="card")

    async with connected(app):
        seen = await window(browser, server, WIDE)
        page = await seen.open()
        await expect(page.get_by_text("Countersign is connected")).to_be_visible()
        field = page.get_by_role("textbox", name="Message #ops")
        await field.press_sequentially("/de")
        await expect(page.get_by_role("option")).to_have_count(1)
        await expect(page.get_by_role("option")).to_contain_text("APP ENV [REF]")
        await field.press("Tab")
        assert await field.input_value() == "/deploy "
        await expect(page.locator(".usage")).to_contain_text("/deploy APP ENV [REF]")
        await field.press_sequentially("compte production")
        await field.press("Enter")
        await expect(page.get_by_text("planning compte production")).to_be_visible()
        await expect(page.get_by_text("Only visible to you")).to_be_visible()
        await expect(page.locator("#announcer")).to_contain_text("Countersign: card")
        await page.get_by_role("button", name="Dismiss").click()
        await expect(page.get_by_text("planning compte production")).to_have_count(0)
    await expect(page.get_by_text("Countersign is not connected")).to_be_visible()
    await field.fill("/ops")
    await field.press("Enter")
    await expect(page.get_by_text('/ops failed with the error "dispatch_failed"')).to_be_visible()
    assert seen.complaints == []


async def test_enter_takes_the_first_completion_and_sends_a_whole_command(
    browser: Browser, server: RunningPlayground
) -> None:
    page = await (await window(browser, server, WIDE)).open()
    field = page.locator("#composer-text")
    await field.press_sequentially("/")
    await expect(page.get_by_role("option").first).to_have_attribute("aria-selected", "true")
    await field.press_sequentially("mig")
    await field.press("Enter")
    await expect(field).to_have_value("/migrate-status ")
    await field.fill("/ops")
    await field.press("Enter")
    await expect(field).to_have_value("")


async def test_the_message_field_comes_before_the_messages_by_tab(browser: Browser, server: RunningPlayground) -> None:
    ts = await tell_story(server)
    page = await (await window(browser, server, WIDE)).open()
    focused = "document.activeElement.id"
    for presses in range(1, 9):
        await page.keyboard.press("Tab")
        if presses == 1:
            assert await page.evaluate(focused) == "skip-to-composer"
        if await page.evaluate(focused) == "composer-text":
            break
    assert await page.evaluate(focused) == "composer-text"
    await page.locator("#skip-to-composer").press("Enter")
    assert await page.evaluate(focused) == "composer-text"
    # It is shown below them.
    await page.goto(f"{server.url}#/C0OPS/{ts}")
    for pane in ("#main", "#thread"):
        messages = await page.locator(f"{pane} .scroller").bounding_box()
        composer = await page.locator(f"{pane} .composer").bounding_box()
        assert messages is not None
        assert composer is not None
        assert messages["y"] + messages["height"] <= composer["y"] + 1


_SMALL_TARGETS = """() => [...document.querySelectorAll(
  'button, select, textarea, [role=option], nav a, label.person, .choices label, ' +
  'input:not([type=checkbox], [type=radio])')]
  .filter((node) => node.checkVisibility({visibilityProperty: true}))
  .map((node) => [node, (node.matches('textarea') ? node.parentElement : node).getBoundingClientRect()])
  .filter(([, box]) => box.height < 43.5 || box.width < 43.5)
  .map(([node, box]) => `${node.outerHTML.slice(0, 120)}: ${box.width} x ${box.height}`)"""


async def test_fingers_find_targets_of_44_pixels(browser: Browser, server: RunningPlayground) -> None:
    ts = await tell_story(server)
    page = await (await window(browser, server, NARROW)).open()
    client = AsyncWebClient(token="xoxb-playground", base_url=server.api_url)

    async def small(*, where: str) -> list[str]:
        return [f"{where}: {each}" for each in await page.evaluate(_SMALL_TARGETS)]

    found = await small(where="channel")
    await page.fill("#composer-text", "/")
    found += await small(where="completions")
    await page.fill("#composer-text", "")
    await page.click("#open-menu")
    found += await small(where="menu")
    await page.keyboard.press("Escape")
    await page.click("#open-channels")
    found += await small(where="channels")
    await page.keyboard.press("Escape")
    await page.goto(f"{server.url}#/C0OPS/{ts}")
    await expect(page.locator("#thread .file-preview")).to_be_visible()
    found += await small(where="thread")
    await page.locator("#thread [aria-label='Add a reaction']").first.click()
    await expect(page.get_by_role("searchbox", name="Find an emoji")).to_be_visible()
    found += await small(where="emoji")
    await page.keyboard.press("Escape")
    await page.goto(f"{server.url}#/app/home")
    found += await small(where="home")
    await client.views_open(trigger_id=server.state.triggers.hand_out(AMELIE), view=showcase.MODAL)
    await expect(page.get_by_label("Branch, tag or commit")).to_be_visible()
    found += await small(where="form")
    assert found == []


async def test_a_suggestion_fills_the_field(browser: Browser, server: RunningPlayground) -> None:
    page = await (await window(browser, server, NARROW)).open()
    await page.get_by_role("button", name="/deploy compte production").click()
    field = page.locator("#composer-text")
    await expect(field).to_have_value("/deploy compte production")
    await expect(field).to_be_focused()


async def test_a_long_section_is_folded_unless_it_is_expanded(browser: Browser, server: RunningPlayground) -> None:
    client = AsyncWebClient(token="xoxb-playground", base_url=server.api_url)
    text = "\n".join(f"line {number}" for number in range(1, 31))
    section = {"type": "section", "text": showcase.mrkdwn(text)}
    await client.chat_postMessage(channel=OPS, text="folded", blocks=[section])
    await client.chat_postMessage(channel=OPS, text="whole", blocks=[{**section, "expand": True}])
    page = await (await window(browser, server, NARROW)).open("#/C0OPS")
    bodies = page.locator(".section-body > .text")
    more = page.get_by_role("button", name="See more")
    await expect(more).to_have_count(1)
    heights = [await bodies.nth(number).evaluate("node => node.clientHeight") for number in range(2)]
    assert heights[0] < heights[1] / 2
    await more.click()
    await expect(more).to_have_count(0)
    assert await bodies.nth(0).evaluate("node => node.clientHeight") == heights[1]


async def test_bob_reacts_and_takes_it_back(browser: Browser, server: RunningPlayground) -> None:
    ts = await tell_story(server)
    request = server.state.conversation(OPS).thread(ts)[2]
    page = await (await window(browser, server, NARROW)).open(f"#/C0OPS/{ts}")
    await page.get_by_role("radio", name="Bob").check(force=True)
    approve = page.locator("#thread [data-reaction=white_check_mark]")
    await expect(approve).to_have_attribute("aria-pressed", "false")
    await approve.click()
    await expect(approve).to_have_attribute("aria-pressed", "true")
    assert request.reactions["white_check_mark"] == ["U0COUNTER", BOB]
    await approve.press("Enter")
    await expect(approve).to_have_attribute("aria-pressed", "false")
    await expect(approve).to_be_focused()
    await page.locator(f'#thread [data-ts="{request.ts}"] [aria-label="Add a reaction"]').first.click()
    await page.get_by_role("searchbox", name="Find an emoji").fill("rocket")
    await page.keyboard.press("Enter")
    await expect(page.locator("#thread [data-reaction=rocket]")).to_be_visible()
    assert request.reactions["rocket"] == [BOB]
    await expect(page.get_by_text("Only visible to you")).to_have_count(0)


async def test_at_390_a_thread_fills_the_screen_and_goes_back(browser: Browser, server: RunningPlayground) -> None:
    await tell_story(server)
    page = await (await window(browser, server, NARROW)).open()
    link = page.locator(".thread-link")
    await link.click()
    box = await page.locator("#thread").bounding_box()
    assert box is not None
    assert box["width"] == 390
    await page.get_by_role("button", name="Back to #ops").click()
    await expect(page.locator("#thread")).to_be_hidden()
    await expect(link).to_be_focused()


async def test_a_button_asks_first(browser: Browser, server: RunningPlayground) -> None:
    app, got = new_app(server), []

    @app.action("run_cancel")
    async def cancel(ack: Any, body: dict[str, Any], client: AsyncWebClient) -> None:
        await ack()
        got.append(body["actions"][0]["value"])
        await client.chat_update(channel=OPS, ts=body["message"]["ts"], text="Cancelled.", blocks=[])

    async with connected(app):
        await tell_story(server)
        page = await (await window(browser, server, WIDE)).open()
        button = page.locator("#main").get_by_role("button", name="Cancel")
        await button.click()
        await page.get_by_role("alertdialog").get_by_role("button", name="Keep it").click()
        await button.click()
        await page.get_by_role("alertdialog").get_by_role("button", name="Cancel the run").click()
        await expect(page.get_by_text("Cancelled.")).to_be_visible()
    assert got == ["R7"]


async def test_a_form_by_keyboard(browser: Browser, server: RunningPlayground) -> None:
    app, got = new_app(server), []

    @app.command("/deploy")
    async def deploy(ack: Any, body: dict[str, Any], client: AsyncWebClient) -> None:
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=showcase.MODAL)

    @app.view("deploy")
    async def submitted(ack: Any, view: dict[str, Any]) -> None:
        got.append(view["state"]["values"])
        await (ack(response_action="errors", errors={"ref": "no such branch"}) if len(got) == 1 else ack())

    async with connected(app):
        seen = await window(browser, server, WIDE)
        page = await seen.open()
        await page.locator("#composer-text").fill("/deploy")
        await page.keyboard.press("Escape")
        await page.keyboard.press("Enter")
        environment = page.get_by_label("Environment")
        await expect(environment).to_be_focused()
        await environment.select_option("production")
        await page.get_by_label("Branch, tag or commit").fill("nothing")
        await page.get_by_label("web2").check()
        await page.get_by_label("Dry run").check()
        await page.get_by_label("Tonight").check()
        await page.get_by_label("Branch, tag or commit").press("Enter")
        reference = page.get_by_label("Branch, tag or commit")
        await expect(page.get_by_text("no such branch")).to_be_visible()
        await expect(reference).to_be_focused()
        await expect(reference).to_have_attribute("aria-invalid", "true")
        await reference.fill("main")
        await page.get_by_role("button", name="Make the plan").click()
        await expect(page.locator("dialog")).to_have_count(0)
    values = got[-1]
    assert values["environment"]["value"]["selected_option"]["value"] == "production"
    assert values["ref"]["value"]["value"] == "main"
    assert [option["value"] for option in values["hosts"]["value"]["selected_options"]] == ["web2"]
    assert [option["value"] for option in values["how"]["value"]["selected_options"]] == ["dry"]
    assert values["when"]["value"]["selected_option"]["value"] == "tonight"
    assert seen.complaints == []


async def test_the_home_tab(browser: Browser, server: RunningPlayground) -> None:
    app = new_app(server)

    @app.event("app_home_opened")
    async def opened(event: dict[str, Any], client: AsyncWebClient) -> None:
        await client.views_publish(user_id=event["user"], view=showcase.HOME)

    async with connected(app):
        seen = await window(browser, server, WIDE)
        page = await seen.open()
        await page.get_by_role("link", name="Countersign").click()
        await expect(page.get_by_role("button", name="Deploy…")).to_be_visible()
        await seen.shot("home-1280-light")


async def test_nothing_that_is_written_becomes_html(browser: Browser, server: RunningPlayground) -> None:
    text = showcase.HOSTILE
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    plain, mrkdwn = showcase.plain, showcase.mrkdwn
    client = AsyncWebClient(token="xoxb-playground", base_url=server.api_url)
    rich = {"type": "rich_text_section", "elements": [{"type": "text", "text": text}]}
    bad_link = {"type": "rich_text_section", "elements": [{"type": "link", "url": "javascript:alert(1)", "text": "go"}]}
    blocks = [
        {"type": "header", "text": plain(text)},
        {"type": "section", "text": mrkdwn(text), "fields": [mrkdwn(f"`{text}`"), plain(text)]},
        {"type": "section", "text": mrkdwn('<javascript:alert(1)|go> <https://a.example/?q="><b>|x>')},
        {
            "type": "markdown",
            "text": f"# {text}\n\n[go](javascript:alert(1))\n\n```\n{text}\n```\n| a |\n|---|\n| {text} |",
        },
        {"type": "rich_text", "elements": [rich, bad_link]},
        {"type": "context", "elements": [mrkdwn(text)]},
        {"type": "actions", "elements": [{"type": "button", "text": plain(text[:70]), "action_id": "a"}]},
        {"type": "image", "image_url": "http://elsewhere.example/x.png", "alt_text": text},
        {"type": "plan", "title": text, "tasks": [showcase.task("t", text, "error", text)]},
        {"type": "table", "rows": [[{"type": "raw_text", "text": text}]]},
    ]
    sent = await client.chat_postMessage(channel=OPS, text=text, blocks=blocks)
    await client.chat_postMessage(channel=OPS, text=text)
    await client.chat_postMessage(channel=OPS, text=escaped)
    await client.files_upload_v2(channel=OPS, filename="<b>.log", title=text, content=text, initial_comment=text)
    server.client_actions.write(BOB, OPS, text)
    seen = await window(browser, server, WIDE)
    page = await seen.open()
    await expect(page.locator(f'[data-ts="{sent["ts"]}"] h3').first).to_have_text(text)
    assert await page.title() == "#ops · Playground"
    assert await page.locator("#main img, #main script, #main b").count() == 0
    assert await page.locator("a[href^='javascript']").count() == 0
    assert seen.complaints == []


MRKDWN = [
    ("*bold* _it_ ~no~ `code`", "<strong>bold</strong> <em>it</em> <s>no</s> <code>code</code>"),
    ("snake_case_name and 2*3*4", "snake_case_name and 2*3*4"),
    ("a &lt;b&gt; &amp; c", "a &lt;b&gt; &amp; c"),
    ("*bold _both_*", "<strong>bold <em>both</em></strong>"),
    ("`*not bold*`", "<code>*not bold*</code>"),
    ("```a *b*\nc```", '<pre tabindex="0"><code>a *b*\nc</code></pre>'),
    ("&gt; quoted\nnot", "<blockquote>quoted</blockquote>not"),
    ("• one\n• two", "<ul><li>one</li><li>two</li></ul>"),
    ("1. one\n2. two", "<ol><li>one</li><li>two</li></ol>"),
    ("one\ntwo", "one<br>two"),
    ("<@U0BOB>", '<span class="mention">@Bob</span>'),
    ("<@U0AMELIE>", '<span class="mention mine">@Amélie</span>'),
    ("<!subteam^S0RELEASE>", '<span class="mention">@releasers</span>'),
    ("<#C0OPS|ops>", '<a class="mention" href="#/C0OPS">#ops</a>'),
    ("<!here>", '<span class="mention mine">@here</span>'),
    (
        "<https://a.example/x?y=1&amp;z|site>",
        '<a href="https://a.example/x?y=1&amp;z" target="_blank" rel="noopener noreferrer">site</a>',
    ),
    (":nonsense:", ":nonsense:"),
    ("10:30:45", "10:30:45"),
    ("&lt;@U0BOB&gt;", "&lt;@U0BOB&gt;"),
]


async def test_mrkdwn(browser: Browser, server: RunningPlayground) -> None:
    page = await (await window(browser, server, WIDE)).open()
    script = """async ([state, texts]) => {
        const { mrkdwn } = await import("/page/mrkdwn.js");
        const data = await (await fetch("/playground/state")).json();
        const people = new Map(data.people.map((person) => [person.id, person]));
        const channels = new Map(data.channels.map((channel) => [channel.id, channel]));
        const store = { data, people, channels, me: "U0AMELIE", person: people.get("U0AMELIE") };
        return texts.map((text) => {
            const place = document.createElement("div");
            place.append(...mrkdwn(store, text));
            return place.innerHTML;
        });
    }"""
    shown = await page.evaluate(script, [None, [text for text, _ in MRKDWN]])
    assert dict(zip([text for text, _ in MRKDWN], shown, strict=True)) == dict(MRKDWN)


@pytest.mark.parametrize(
    ("person", "shown"), [("U0AMELIE", "at 15:00"), ("U0BOB", "at 14:00"), ("U0ONCALL", "at 09:00")]
)
async def test_dates_are_in_the_readers_time_zone(
    browser: Browser, server: RunningPlayground, client: AsyncWebClient, person: str, shown: str
) -> None:
    await client.chat_postMessage(channel=OPS, text="<!date^1763301600^at {time}|then>")
    page = await (await window(browser, server, WIDE)).open(f"?as={person}")
    await expect(page.locator(".messages .text time")).to_have_text(shown)


async def test_faults_and_further_actions_are_in_the_menu(browser: Browser) -> None:
    chosen: list[str] = []

    async def offer(_request: web.Request) -> web.Response:
        return web.json_response([{"id": "commit", "title": "Make the next commit", "group": "Demo", "hint": "again"}])

    async def take(request: web.Request) -> web.Response:
        chosen.append(json.loads(await request.text())["id"])
        return web.json_response({"text": "Committed aace2d6."})

    application = web.Application()
    application.router.add_get("/actions", offer)
    application.router.add_post("/actions", take)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/actions"
    try:
        async with Playground(default_workspace(), url).serve() as server:
            page = await (await window(browser, server, NARROW)).open()
            await page.click("#open-menu")
            await page.get_by_role("menuitem", name="Make the next commit").click()
            await expect(page.get_by_text("Committed aace2d6.")).to_be_visible()
            await page.click("#open-menu")
            await page.get_by_role("menuitemcheckbox", name="Send everything twice").click()
            await expect(page.locator("#fault-count")).to_have_text("1")
            assert server.faults.duplicate
            await page.get_by_role("menuitem", name="Clear all faults").click()
            await expect(page.locator("#fault-count")).to_be_hidden()
            assert not server.faults.duplicate
    finally:
        await runner.cleanup()
    assert chosen == ["commit"]


async def test_the_page_comes_back_after_the_stream_broke(
    browser: Browser, server: RunningPlayground, client: AsyncWebClient
) -> None:
    page = await (await window(browser, server, WIDE)).open()
    await client.chat_postMessage(channel=OPS, text="before")
    await expect(page.get_by_text("before", exact=True)).to_be_visible()
    server.state.changes.end()
    await client.chat_postMessage(channel=OPS, text="meanwhile")
    await expect(page.get_by_text("meanwhile", exact=True)).to_be_visible()
