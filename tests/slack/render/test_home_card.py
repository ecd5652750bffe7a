"""Golden App Homes, for three environments and for sixty. Set UPDATE_GOLDEN=1 to write them anew."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.domain.names import TargetName
from bot.domain.policies.lock import Lock
from bot.domain.runs.request import Action
from bot.domain.targets.dashboard import HomeView
from bot.playground.block_kit.blocks import check_view
from bot.slack.render.cards.status.home_card import MAX_DETAILED, home_card
from bot.slack.render.cards.status.home_filter import matches, read_filter
from tests.slack.support.dashboards import COCKPITS, LINKS, home_scene, sixty, three
from tests.slack.support.limits import texts
from tests.slack.support.runs import AT, BOB, PASSWORD

GOLDEN = Path(__file__).parent / "golden"
LONG = Lock(TargetName("compte", "demo"), BOB, "why not " * 25, AT)
KINDS = {"header", "section", "context", "actions"}


def shown(home_view: HomeView) -> dict[str, Any]:
    return home_card(home_view, LINKS, home_scene())


def said(home_view: HomeView) -> str:
    return "\n".join(texts(shown(home_view)["blocks"]))


@pytest.mark.parametrize("name", COCKPITS)
def test_looks_as_it_should(name: str) -> None:
    view = shown(COCKPITS[name])
    told = {**view, "blocks": [_readable(block) for block in view["blocks"]]}
    text = json.dumps(told, indent=2, ensure_ascii=False) + "\n"
    file = GOLDEN / f"{name}.json"
    if os.environ.get("UPDATE_GOLDEN"):
        file.write_text(text)
    assert text == file.read_text()


def _readable(block: dict[str, Any]) -> list[str]:
    found = [f"{block['type']}:"]
    for text in texts(block):
        found += text.splitlines()
    return found


@pytest.mark.parametrize("name", COCKPITS)
def test_slack_takes_it_and_a_phone_shows_it(name: str) -> None:
    view = shown(COCKPITS[name])
    assert check_view(view) == []
    assert {block["type"] for block in view["blocks"]} <= KINDS
    assert len(json.dumps(view).encode()) < 250_000


def test_what_needs_somebody_comes_before_everything() -> None:
    view = shown(three())
    assert "*compte staging is down* for 13\u00a0s" in view["blocks"][0]["text"]["text"]
    assert view["blocks"][1]["text"]["text"] == "👉 1 thing needs you"
    section, _, row = view["blocks"][3:6]
    assert "*Deploy compte production* · needs approval" in section["text"]["text"]
    assert row["elements"][0]["url"] == LINKS["R-000008"]


def test_what_runs_has_its_step_and_its_time() -> None:
    assert "step 6 of 9: *Migrate the database* · 6\u00a0s" in said(three())


def test_a_person_is_offered_only_what_they_may_do() -> None:
    home_view = three()
    name = TargetName("compte", "staging")
    shown_to = replace(home_view, may={Action.DEPLOY: (name,)})
    buttons = [
        (element["action_id"], element["value"])
        for block in shown(shown_to)["blocks"]
        if block.get("block_id", "").startswith("home_env")
        for element in block["elements"]
    ]
    assert buttons == [("home_deploy", "compte staging")]


def test_every_one_of_sixty_environments_is_there_and_the_odd_ones_in_full() -> None:
    home_view = sixty()
    text = said(home_view)
    assert all(f"*{overview.target}*" in text for overview in home_view.dashboard.overviews)
    rows = [block for block in shown(home_view)["blocks"] if block.get("block_id", "").startswith("home_env")]
    assert [row["block_id"].removeprefix("home_env ") for row in rows] == [
        "media production",
        "compte production",
        "boutique production",
        "agenda staging",
        "portail production",
    ]


def test_a_choice_shows_its_environments_alone_and_stays_chosen() -> None:
    view = shown(sixty("environment:staging"))
    text = "\n".join(texts(view["blocks"]))
    rows = [block["block_id"] for block in view["blocks"] if block.get("block_id", "").startswith("home_env")]
    assert len(rows) == MAX_DETAILED
    assert all(row.endswith(" staging") for row in rows)
    assert "*support staging*" in text
    assert "*support demo*" not in text
    [menu] = [
        element
        for block in view["blocks"]
        if block["type"] == "actions"
        for element in block["elements"]
        if element["type"] == "static_select"
    ]
    assert menu["initial_option"]["value"] == "environment:staging"
    assert json.loads(view["private_metadata"]) == {"chosen": "environment:staging"}


def test_a_choice_that_fits_nothing_any_more_is_none() -> None:
    assert not read_filter("app:gone", [TargetName("compte", "production")])
    assert not read_filter("attention", [TargetName("compte", "production")])
    assert not matches(TargetName("compte", "production"), read_filter("app:portail", [TargetName("portail", "demo")]))


def test_no_secret_and_no_mention_of_a_channel_gets_onto_a_home() -> None:
    home_view = three()
    lock = Lock(TargetName("compte", "demo"), BOB, f"<!channel> {PASSWORD}", AT)
    overviews = tuple(replace(overview, lock=lock) for overview in home_view.dashboard.overviews)
    text = said(replace(home_view, dashboard=replace(home_view.dashboard, overviews=overviews)))
    assert PASSWORD not in text
    assert "<!channel>" not in text


@pytest.mark.parametrize(("needed", "going"), [(1, 8), (8, 9), (40, 0), (40, 40)])
def test_it_fits_however_much_goes_on(needed: int, going: int) -> None:
    home_view = sixty("environment:production")
    [waiting] = home_view.needed
    runs = tuple(replace(waiting, id=f"R-1{number:05}", sequence=number) for number in range(needed + going))
    first, *rest = (replace(each, lock=LONG) for each in home_view.dashboard.overviews)
    dashboard = replace(home_view.dashboard, overviews=(replace(first, unfinished=runs), *rest))
    view = shown(replace(home_view, dashboard=dashboard, needed=runs[:needed], recent=home_view.recent[:1] * 10))
    assert check_view(view) == []
