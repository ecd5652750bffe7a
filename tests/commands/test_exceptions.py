"""`--during-freeze` and `--emergency`: the reason is the rest of the words, or what stands in quotes."""

from pathlib import Path

import pytest

from bot.domain.errors import Reason, RefusedError
from bot.domain.runs.request_json import options_to_json
from bot.recipes.load import load_recipe
from bot.slack.handlers.words import split_words
from commands.backup import Backup
from commands.deploy import Deploy
from commands.rollback import Rollback
from tests.support.examples import NAME, OPERATIONS, ORIGIN

RECIPES = {NAME: load_recipe("laravel", Path())}
COMMANDS = {"deploy": Deploy(RECIPES), "rollback": Rollback(RECIPES), "backup": Backup(RECIPES)}


def options(typed: str) -> dict[str, str]:
    name, _, rest = typed.partition(" ")
    return options_to_json(COMMANDS[name].parse(split_words(rest), ORIGIN, OPERATIONS).options)


@pytest.mark.parametrize(
    ("typed", "wanted"),
    [
        ("deploy compte production --emergency the site is down", {"ref": "main", "emergency": "the site is down"}),
        ('deploy compte production --emergency "the site is down" v2', {"ref": "v2", "emergency": "the site is down"}),
        ("deploy compte production v2 --emergency=down since 3", {"ref": "v2", "emergency": "down since 3"}),
        (
            "deploy compte production --during-freeze paid - by all --no-migrate",
            {"ref": "main", "during_freeze": "paid - by all", "no_migrate": "yes"},
        ),
        ("deploy compte production —emergency fire", {"ref": "main", "emergency": "fire"}),  # a phone's dash
        ("rollback compte production --code --emergency fire", {"code": "yes", "emergency": "fire"}),
        ("rollback compte production --to v1 --during-freeze “why not”", {"to": "v1", "during_freeze": "why not"}),
        (
            "backup restore compte production B-20251117-7K3F9Q --emergency fire",
            {"what": "restore", "backup": "B-20251117-7K3F9Q", "emergency": "fire"},
        ),
    ],
)
def test_an_exception_is_asked_for_with_its_reason(typed: str, wanted: dict[str, str]) -> None:
    assert options(typed) == wanted


@pytest.mark.parametrize(
    ("typed", "reason", "said"),
    [
        ("deploy compte production --emergency", Reason.BAD_OPTION, "a reason"),
        ("deploy compte production --emergency --dry-run", Reason.BAD_OPTION, "a reason"),
        (
            "deploy compte production --emergency fire --during-freeze why",
            Reason.USAGE,
            "--during-freeze",
        ),
        ("deploy compte production --emergency " + "long " * 50, Reason.USAGE, "'longest': '200'"),
        ("deploy --emergency compte production fire", Reason.USAGE, "APP ENV"),
        ("deploy compte production --emergancy fire", Reason.BAD_OPTION, "--emergency"),
        ("backup compte production --emergency fire", Reason.BAD_OPTION, "--emergency"),
        ("backup verify compte production B-20251117-7K3F9Q --emergency x", Reason.BAD_OPTION, "--emergency"),
    ],
)
def test_what_is_wrong_with_one_is_said(typed: str, reason: Reason, said: str) -> None:
    with pytest.raises(RefusedError) as refusal:
        options(typed)
    assert refusal.value.problem.reason is reason
    assert said in str(refusal.value.problem.facts)
