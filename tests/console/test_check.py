"""`countersign check`, with the real recipes."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from bot.console import check

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    for name in ("STORE_URL", "OPS_FILE", "LOG_FORMAT", "HTTP_ADDR", "SLACK_API_URL", "COMPTE_DB_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-1-bot")
    monkeypatch.setenv("SLACK_APP_TOKEN", "xapp-1-app")


def invoke(*words: str):
    app = typer.Typer()
    app.callback()(lambda: None)
    check.register(app)
    return CliRunner().invoke(app, ["check", *words])


def test_the_example_is_fine(monkeypatch):
    monkeypatch.setenv("COMPTE_DB_PASSWORD", "hunter22")
    result = invoke("--ops", str(ROOT / "ops.example.yaml"))
    assert result.stdout.splitlines() == [
        "compte production: recipe laravel; policy production; hosts web1; database compte; after staging",
        "compte production: migrations: rehearsed before approval, in a sandbox on web1; where there is none, they "
        "need the approvals of `destructive-migration`",
        "compte staging: recipe laravel; policy production; hosts web1",
        "0 problems",
    ]
    assert result.exit_code == 0


def test_every_problem_of_every_file(tmp_path, monkeypatch):
    monkeypatch.setenv("SLACK_BOT_TOKEN", "secret-token")
    ops = tmp_path / "ops.yaml"
    text = (ROOT / "ops.example.yaml").read_text()
    for right, wrong in (("[web1]", "[web9]"), ("health_url:", "health_ur:"), ("maintenance: if-m", "maintenance: m")):
        text = text.replace(right, wrong, 1)
    ops.write_text(text)
    env = tmp_path / "my.env"
    env.write_text("LOG_FORMAT=xml\n")
    result = invoke("--ops", str(ops), "--env", str(env))
    found = [line.split(": ", 1) for line in result.stdout.splitlines()]
    place = "apps.compte.environments.production"
    assert found[0] == [f"{env}:1", "LOG_FORMAT: must be console or json"]
    assert found[1] == ["environment", "SLACK_BOT_TOKEN: not a bot token; it begins with xoxb-"]
    line = next(number for number, content in enumerate(text.splitlines(), start=1) if "[web9]" in content)
    assert found[2] == [f"{ops}:{line}", f"{place}.hosts[0]: unknown host 'web9'; did you mean 'web1'?"]
    assert found[3][1].startswith(f"{place}.database.password: missing variable COMPTE_DB_PASSWORD")
    assert {line[1].split(": ")[0] for line in found[4:-1]} == {f"{place}.vars.health_ur", f"{place}.vars.maintenance"}
    assert found[-1] == ["6 problems"]
    assert result.exit_code == 2
    assert "secret-token" not in result.output


@pytest.mark.parametrize(
    ("recipe", "problem"),
    [
        ("larvel", "apps.compte.recipe: unknown recipe 'larvel'; did you mean 'laravel'?"),
        ("./mine.yaml", "apps.compte.recipe: cannot be read: "),
        ("~nobody-of-that-name/mine.yaml", "apps.compte.recipe: cannot be read: "),
    ],
)
def test_recipes(tmp_path, monkeypatch, recipe, problem):
    monkeypatch.setenv("COMPTE_DB_PASSWORD", "hunter22")
    ops = tmp_path / "ops.yaml"
    ops.write_text((ROOT / "ops.example.yaml").read_text().replace("recipe: laravel", f"recipe: {recipe}"))
    result = invoke("--ops", str(ops))
    assert f": {problem}" in result.stdout
    assert result.stdout.splitlines()[-1] == "1 problem"
    assert result.exit_code == 2


def test_a_recipe_file_is_found_beside_the_operations_file(tmp_path, monkeypatch):
    monkeypatch.setenv("COMPTE_DB_PASSWORD", "hunter22")
    recipe = (ROOT / "bot" / "recipes" / "builtin" / "laravel.yaml").read_text()
    (tmp_path / "mine.yaml").write_text(recipe)
    ops = tmp_path / "ops.yaml"
    ops.write_text((ROOT / "ops.example.yaml").read_text().replace("recipe: laravel", "recipe: mine.yaml"))
    result = invoke("--ops", str(ops))
    assert f"recipe {tmp_path}/mine.yaml" in result.stdout
    assert result.exit_code == 0


def test_named_files_must_exist(tmp_path):
    result = invoke("--ops", str(tmp_path / "no.yaml"), "--env", str(tmp_path / "no.env"))
    assert result.stdout.splitlines() == [
        f"{tmp_path}/no.env: there is no such file; copy .env.example",
        f"{tmp_path}/no.yaml: there is no such file; copy ops.example.yaml, or name another one by OPS_FILE",
        "2 problems",
    ]
    assert result.exit_code == 2


@pytest.mark.parametrize(
    ("text", "says", "status"),
    [
        ('sentences:\n  state.queued: "en attente"\n', "sentences are missing and stay in English: ", 0),
        ('sentences:\n  state.queud: "en attente"\n', "sentences: state.queud: no such sentence", 2),
    ],
)
def test_another_language(tmp_path, monkeypatch, text, says, status):
    (tmp_path / "fr.yaml").write_text(text)
    monkeypatch.setenv("COMPTE_DB_PASSWORD", "hunter22")
    monkeypatch.setenv("LANGUAGE_DIR", str(tmp_path))
    result = invoke("--ops", str(ROOT / "ops.example.yaml"))
    assert says in result.stdout
    assert "LANGUAGE_DIR: " in result.stdout
    assert result.exit_code == status


def test_a_user_group_is_recommended_where_many_are_asked(tmp_path, monkeypatch):
    monkeypatch.setenv("COMPTE_DB_PASSWORD", "hunter22")
    text = (ROOT / "ops.example.yaml").read_text()
    ops = tmp_path / "ops.yaml"
    ops.write_text(text.replace("releasers: [U0BOB, S0RELEASE]", "releasers: [U0A1, U0B2, U0C3, U0D4, U0E5, U0F6]"))
    result = invoke("--ops", str(ops))
    assert result.exit_code == 0
    assert "policies.production.approve.deploy: 6 people and groups are asked" in result.stdout
    assert "user group" in result.stdout


def test_what_must_be_green_and_who_is_told_are_named(monkeypatch, tmp_path):
    monkeypatch.setenv("COMPTE_DB_PASSWORD", "hunter22")
    text = (ROOT / "ops.example.yaml").read_text().replace("    # checks:", "    checks:")
    file = tmp_path / "ops.yaml"
    file.write_text(
        f"{text}\nnotify:\n  - {{url: 'https://h.example.com/t0ken', secret: s3cret-of-it, events: [run.failed]}}\n"
    )
    lines = invoke("--ops", str(file)).stdout.splitlines()
    assert lines[0].endswith("; after staging; checks tests, lint at github.com (github)")
    assert "told (webhook): h.example.com; run.failed" in lines
    assert not any("t0ken" in line or "s3cret" in line for line in lines)
