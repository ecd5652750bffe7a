"""Every payload, compiled against the types of `@slack/types`."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable
from typing import Any

import pytest

from tests.oracles.conftest import HERE
from tests.oracles.payloads import RECORDED, messages, recorded, views

_HEAD = """import type { HomeView, KnownBlock, MessageMetadata, ModalView } from "@slack/types";
type Posted = { text: string; blocks?: KnownBlock[]; metadata?: MessageMetadata };
"""
_TYPES = {"modal": "ModalView", "home": "HomeView"}
_TEXTS = frozenset({"text", "value", "initial_value"})
"""What may be any text, as far as the types are concerned."""

_WRONG = (
    {"text": "x", "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "x"}, "expnd": True}]},
    {"text": "x", "metadata": {"event_type": "x", "event_payload": {"pending": ["a"]}}},
)

Constant = tuple[str, str, dict[str, Any]]
"""Its name, its type, its value."""


@pytest.fixture(scope="module")
def complaints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What the compiler says of each file, with the names of the payloads; they are compiled at once."""
    written = {
        "messages": [(name, "Posted", value) for name, value in messages()],
        "views": [(name, _TYPES[value["type"]], value) for name, value in views()],
        "recorded": list(_sent()),
        **{f"wrong{number}": [("wrong", "Posted", value)] for number, value in enumerate(_WRONG)},
    }
    # In this folder, so that the compiler finds the package.
    folder = HERE / "node_modules" / tmp_path_factory.mktemp("payloads").name
    folder.mkdir(exist_ok=True)
    files = {folder / f"{name}.ts": constants for name, constants in written.items()}
    for file, constants in files.items():
        file.write_text(_HEAD + "\n".join(_line(number, one) for number, one in enumerate(constants)))
    try:
        tsc = HERE / "node_modules/.bin/tsc"
        options = ["--noEmit", "--strict", "--skipLibCheck", "--module", "nodenext", "--moduleResolution", "nodenext"]
        done = subprocess.run([tsc, *options, *files], cwd=HERE, capture_output=True, text=True, check=False)
    finally:
        for file in files:
            file.unlink()
        folder.rmdir()
    assert done.returncode in (1, 2), f"the compiler must refuse what is wrong: {done.stdout}{done.stderr}"
    return {name: [line for line in done.stdout.splitlines() if f"/{name}.ts(" in line] for name in written}


def _line(number: int, constant: Constant) -> str:
    name, kind, value = constant
    return f"export const c{number}: {kind} = {json.dumps(value)}; // {name}"


def _sent() -> Iterable[Constant]:
    """Give what acceptance runs sent, one of each shape: what a text says does not matter to a type."""
    seen: set[str] = set()
    for name, method, arguments in recorded():
        if method in ("chat.postMessage", "chat.update", "chat.postEphemeral", "response_url"):
            kind, value = "Posted", {key: arguments[key] for key in ("text", "blocks") if key in arguments}
        elif method.startswith("views.") and "view" in arguments:
            value = arguments["view"]
            kind = _TYPES[value["type"]]
        else:
            continue
        shape = json.dumps(_without_texts(value))
        if shape not in seen:
            seen.add(shape)
            yield f"{name} {method}", kind, value


def _without_texts(value: Any) -> Any:
    match value:
        case dict():
            return {
                key: "" if key in _TEXTS and isinstance(item, str) else _without_texts(item)
                for key, item in value.items()
            }
        case list():
            return [_without_texts(item) for item in value]
    return value


def test_every_message_has_slacks_types(complaints: dict[str, list[str]]) -> None:
    assert complaints["messages"] == []


def test_every_form_and_home_has_slacks_types(complaints: dict[str, list[str]]) -> None:
    assert complaints["views"] == []


@pytest.mark.skipif(not RECORDED, reason="no acceptance run was recorded (COUNTERSIGN_PAYLOADS)")
def test_what_acceptance_runs_sent_has_slacks_types(complaints: dict[str, list[str]]) -> None:
    assert list(_sent()), "the acceptance runs sent nothing"
    assert complaints["recorded"] == []


@pytest.mark.parametrize("number", range(len(_WRONG)))
def test_the_compiler_would_refuse_what_is_wrong(complaints: dict[str, list[str]], number: int) -> None:
    assert any("error TS" in line for line in complaints[f"wrong{number}"])
