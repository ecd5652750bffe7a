import aiohttp
import pytest

from bot.demo.errors import DemoError
from bot.demo.menu.controller import Controller
from bot.demo.menu.menu import MenuEntry


async def commit() -> str:
    return "Commit 1234567 is on main."


async def refuse() -> str:
    raise DemoError("The site is up. Nothing was changed.")


ENTRIES = (
    MenuEntry("commit", "Next commit", "Add a column", "One migration that only adds", commit),
    MenuEntry("site-up", "By hand", "Bring the site up again", "php artisan up", refuse),
)


async def test_the_menu_is_listed_as_the_page_wants_it() -> None:
    async with (
        Controller(ENTRIES) as controller,
        aiohttp.ClientSession() as session,
        session.get(controller.url) as answer,
    ):
        listed = await answer.json()
    assert listed == [{"id": each.id, "group": each.group, "title": each.title, "hint": each.hint} for each in ENTRIES]


@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        ('{"id": "commit"}', 200, "Commit 1234567 is on main."),
        ('{"id": "site-up"}', 409, "The site is up. Nothing was changed."),
        ('{"id": "nothing"}', 404, "There is no such entry. Nothing was done."),
        ('{"id": ["commit"]}', 404, "There is no such entry. Nothing was done."),
        ("[]", 404, "There is no such entry. Nothing was done."),
        ("no JSON", 404, "There is no such entry. Nothing was done."),
    ],
)
async def test_each_choice_is_answered_with_a_sentence(body: str, status: int, text: str) -> None:
    async with Controller(ENTRIES) as controller, aiohttp.ClientSession() as session:
        headers = {"Content-Type": "application/json"}
        async with session.post(controller.url, data=body, headers=headers) as answer:
            assert answer.status == status
            assert (await answer.json())["text"] == text


async def test_a_form_of_a_foreign_page_does_nothing() -> None:
    async with (
        Controller(ENTRIES) as controller,
        aiohttp.ClientSession() as session,
        session.post(controller.url, data={"id": "commit"}) as answer,
    ):
        assert answer.status == 415
