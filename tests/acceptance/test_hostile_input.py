"""Five hundred generated texts on their way from Slack to the shell of a host: nothing of them is ever executed."""

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.domain.errors import RefusedError
from bot.domain.runs.request_json import options_to_json
from bot.domain.targets.look import HostQuestion
from bot.hosts.look_answer import parse_answer
from bot.hosts.look_question import build_question
from bot.recipes.load import load_recipe
from bot.recipes.questions import question
from bot.slack.handlers.words import split_words
from bot.slack.render.builtin_catalog import ENGLISH
from bot.slack.render.text import Translator
from commands.deploy import Deploy
from tests.support.examples import NAME, OPERATIONS, ORIGIN, TARGET

RECIPE = load_recipe("laravel", Path())
SAYS = Translator(ENGLISH)
PIECES = st.sampled_from(
    [
        "main", ";", "&&", "||", "|", "&", "\n", "\r", "\0", "`", "$(", ")", "${IFS}", "'", '"', "\\", "*", "?", "~",
        "<", ">", "#", "--", "-", "touch${IFS}canary", "touch canary", "..", "@{", "^", ":", "/", "//", ".lock", "\x7f",
        "\u202e", "\ud83d", "🚀", "é", "<!channel>", "<@U0BOB>", "&lt;", "--upload-pack=", "%s", "${PATH}", "$0",
        "!", "{sha}",
    ]
)  # fmt: skip
REFS = st.one_of(st.lists(PIECES, min_size=1, max_size=8).map("".join), st.text(max_size=60))


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("checkout")
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.com"]
    for words in (
        ["init", "--quiet", "--initial-branch", "main"],
        ["commit", "--quiet", "--allow-empty", "-m", "first"],
    ):
        subprocess.run([*git, *words], cwd=folder, check=True)
    return folder


@given(typed=REFS)
@settings(
    max_examples=500,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_nothing_that_is_typed_is_executed(checkout: Path, typed: str) -> None:
    words = split_words(f"compte production {typed}")
    try:
        request = Deploy({NAME: RECIPE}).parse(words, ORIGIN, OPERATIONS)
        asked = HostQuestion(str(checkout), question(RECIPE, TARGET, options_to_json(request.options)["ref"]).ref)
        text = build_question(asked, "nonce").script().encode(errors="surrogateescape")
    except RefusedError as refused:
        said = SAYS.refusal_text(refused.problem)
        assert "Nothing was started" in said
        assert "<!" not in said
        return
    ran = subprocess.run(
        ["sh"], input=text, capture_output=True, cwd=checkout, check=False, env={"PATH": os.environ["PATH"]}
    )
    facts = parse_answer("web1", asked, ran.stdout, "nonce")
    assert facts.is_checkout
    assert not list(checkout.glob("*canary*"))
    assert sorted(item.name for item in checkout.iterdir()) == [".git"]
