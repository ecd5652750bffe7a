"""A secret that the operations file takes from the environment is nowhere but in the environment."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote

import pytest

from bot.demo.application.application import Application
from bot.demo.host.web import WebServer
from tests.acceptance.conftest import NewSystem
from tests.acceptance.support.system import System

TOKEN = "t0ken/with+odd=characters"


@pytest.mark.parametrize("answers", [True, False], ids=["the page answers", "it does not"])
async def test_a_variable_in_the_health_url_is_told_to_nobody_and_kept_nowhere(
    new_system: NewSystem, web: WebServer, laravel: Application, free_port: int, answers: bool
) -> None:
    page = web.health_url if answers else f"http://127.0.0.1:{free_port}/login"
    system = await new_system(health_url=f"{page}?token=${{HEALTH_TOKEN}}", extra={"HEALTH_TOKEN": TOKEN})
    await system.bot.start()
    run = await system.ask()
    assert await system.approved(run) == ("succeeded" if answers else "failed")
    assert _found(system) == []


def _found(system: System) -> list[str]:
    """Give the places that have the secret in any spelling."""
    encoded = base64.b64encode(TOKEN.encode()).decode()
    spellings = (TOKEN, TOKEN.replace("/", "\\/"), quote(TOKEN, safe=""), encoded)
    places = {
        "messages": json.dumps(system.snapshot(), ensure_ascii=False),
        "log": "\n".join(system.bot.lines),
        **{file.name: file.read_bytes().decode(errors="replace") for file in (system.bot.folder / "data").iterdir()},
        "calls": json.dumps([call.arguments for call in system.playground.api.log], default=str),
    }
    return [name for name, text in places.items() if any(spelled in text for spelled in spellings)]
