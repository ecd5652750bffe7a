"""Every payload, compiled against the types of `@slack/types`."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from tests.oracles.conftest import HERE
from tests.oracles.payloads import messages, recorded, views

_HEAD = """import type { HomeView, KnownBlock, MessageMetadata, ModalView } from "@slack/types";
type Posted = { text: string; blocks?: KnownBlock[]; metadata?: MessageMetadata };
"""
_TYPES = {"modal": "ModalView", "home": "HomeView"}


def compiled(tmp_path: Path, constants: Iterable[tuple[str, str, dict[str, Any]]]) -> str:
    """Compile constants of a type, and give what the compiler says, with their names."""
    lines = [
        f"export const c{number}: {kind} = {json.dumps(value)}; // {name}"
        for number, (name, kind, value) in enumerate(constants)
    ]
    assert lines
    # In this folder, so that the compiler finds the package.
    file = HERE / "node_modules" / f"payloads-{tmp_path.name}.ts"
    file.write_text(_HEAD + "\n".join(lines))
    try:
        tsc = HERE / "node_modules/.bin/tsc"
        options = ["--noEmit", "--strict", "--skipLibCheck", "--module", "nodenext", "--moduleResolution", "nodenext"]
        done = subprocess.run([tsc, *options, file], cwd=HERE, capture_output=True, text=True, check=False)
    finally:
        file.unlink()
    return done.stdout


def test_every_message_has_slacks_types(tmp_path: Path) -> None:
    assert compiled(tmp_path, ((name, "Posted", value) for name, value in messages())) == ""


def test_every_form_and_home_has_slacks_types(tmp_path: Path) -> None:
    assert compiled(tmp_path, ((name, _TYPES[value["type"]], value) for name, value in views())) == ""


def test_what_acceptance_runs_sent_has_slacks_types(tmp_path: Path) -> None:
    """The calls that acceptance tests recorded before (`make oracles` has some of them run)."""
    constants: list[tuple[str, str, dict[str, Any]]] = []
    for name, method, arguments in recorded():
        if method in ("chat.postMessage", "chat.update", "chat.postEphemeral", "response_url"):
            kept = {key: arguments[key] for key in ("text", "blocks") if key in arguments}
            constants.append((f"{name} {method}", "Posted", kept))
        elif method.startswith("views.") and "view" in arguments:
            view = arguments["view"]
            constants.append((f"{name} {method}", _TYPES[view["type"]], view))
    if constants:
        assert compiled(tmp_path, constants) == ""


@pytest.mark.parametrize(
    "wrong",
    [
        {"text": "x", "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "x"}, "expnd": True}]},
        {"text": "x", "metadata": {"event_type": "x", "event_payload": {"pending": ["a"]}}},
    ],
)
def test_the_compiler_would_refuse_what_is_wrong(tmp_path: Path, wrong: dict[str, Any]) -> None:
    assert "error TS" in compiled(tmp_path, [("wrong", "Posted", wrong)])
