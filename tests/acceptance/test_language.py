"""The whole bot in another language, from a directory of files alone: a deploy, a lock, an answer, an App Home."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from bot.demo.application.application import Application
from bot.demo.application.commits import CommitKind
from bot.slack.render.builtin_catalog import ENGLISH
from tests.acceptance.conftest import NewSystem
from tests.acceptance.support.system import ENGINEER, RELEASER
from tests.slack.render.test_catalog import english_in, marked
from tests.slack.support.limits import texts
from tests.support.polling import eventually

DATA = (
    "feat(sessions): révoquer le token lors de la désactivation/suppression de session",
    ("compte production", "web1", "php8.2-fpm", "vendor", "Amélie", "Bob", "releasers"),
    "10.11.6-MariaDB-0+deb12u1-log",
    "SELECT ON mysql.proc, PROCESS ON *.*",
)
"""What is told of the world, whatever the language."""


def write_language(folder: Path) -> Path:
    """Write a whole language in which no letter is an English one."""
    folder.mkdir()
    said: dict[str, Any] = {
        "sentences": {key: marked(text) for key, text in ENGLISH.sentences.items()},
        "facts": {key: marked(text) for key, text in ENGLISH.facts.items()},
        "phrases": {key: marked(text) for key, text in ENGLISH.phrases.items()},
        "details": {key: marked(text) for key, text in ENGLISH.details.items()},
        "reasons": {
            reason.value: {part: marked(getattr(told, part)) for part in ("wrong", "right", "not_done")}
            for reason, told in ENGLISH.reasons.items()
        },
    }
    writer = YAML()
    writer.width = 10_000
    with (folder / "all.yaml").open("w", encoding="utf-8") as stream:
        writer.dump(said, stream)
    return folder


async def test_nothing_that_the_bot_says_is_english_any_more(
    new_system: NewSystem, laravel_at_first: Application, tmp_path: Path
) -> None:
    await laravel_at_first.next_commit(CommitKind.TOKEN_ID)
    language = write_language(tmp_path / "language")
    system = await new_system(extra={"LANGUAGE_DIR": str(language)})
    await system.bot.start()
    await system.answer("/ops help")
    await system.answer("/ops lock compte production 2026")
    await system.answer("/deploy compte production")
    await system.answer("/ops unlock compte production", RELEASER)
    await system.answer("/ops unlock compte production")
    await system.answer("/deploy compte nowhere")
    run = await system.ask()
    request = await system.gate(run)
    await system.answer("/ops status")
    system.react(request, ENGINEER)
    await eventually(lambda: len(system.ephemerals(ENGINEER)) >= 7, 30, what="a word to who asked")
    system.react(request, RELEASER)
    assert await system.end(run) == "succeeded"
    await system.answer("/migrate-status compte production")
    await system.answer("/backup list compte production")

    system.playground.client_actions.open_home(ENGINEER)
    await eventually(lambda: system.snapshot()["homes"].get(ENGINEER), 30, what="an App Home")

    everything = system.snapshot()
    shown = [*system.messages(), *everything["ephemerals"], everything["homes"][ENGINEER]]
    assert len(shown) > 15
    for item in shown:
        assert english_in([item.get("text") or "", *texts(item.get("blocks") or [])], (DATA, run)) == set(), item
    [log] = [file for file in system.files() if file["name"] == f"{run}.log"]
    assert english_in([log["title"]], run) == set(), log
