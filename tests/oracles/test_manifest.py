"""The manifest, against the schema that Slack publishes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from bot.recipes.load import load_recipes
from bot.slack.manifest import manifest
from commands import all_commands, ops_command, status_command
from tests.oracles.conftest import node


def written(tmp_path: Path, content: object) -> str:
    file = tmp_path / "manifest.json"
    file.write_text(json.dumps(content))
    return str(file)


def content() -> dict:
    recipes = load_recipes({})
    return YAML(typ="safe").load(manifest([*all_commands(recipes), status_command(recipes), ops_command()]))


def test_slacks_schema_accepts_the_manifest(tmp_path: Path) -> None:
    node("validate_manifest.mjs", written(tmp_path, content()))


def test_slacks_schema_would_refuse_a_wrong_one(tmp_path: Path) -> None:
    wrong = content()
    wrong["features"]["slash_commands"][0].pop("description")
    with pytest.raises(AssertionError, match="must have required property 'description'"):
        node("validate_manifest.mjs", written(tmp_path, wrong))
