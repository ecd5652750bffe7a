"""`.env` and the environment: what is taken from where, and each problem at its line."""
# ruff: noqa: E501 - a mistake and its message read best side by side

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bot.config.load import load_configuration
from bot.config.problems import ConfigurationError
from bot.config.settings import VARIABLES, HttpAddress, LogFormat, Settings, settings_of, store_url_of
from bot.config.variables import read_variables
from tests.config.support.example import RIGHT, accept

ROOT = Path(__file__).parents[2]
TOKENS = {"SLACK_BOT_TOKEN": "xoxb-1-bot", "SLACK_APP_TOKEN": "xapp-1-app"}


def settings(real: dict[str, str], file: Path = Path("no-such.env")) -> Settings:
    return settings_of(read_variables(file, real))


def problems(real: dict[str, str], file: Path = Path("no-such.env")) -> list[str]:
    with pytest.raises(ConfigurationError) as raised:
        settings(real, file)
    return [str(problem) for problem in raised.value.problems]


def test_defaults():
    found = settings(TOKENS)
    assert found.slack_bot_token.reveal() == "xoxb-1-bot"
    assert found.slack_app_token.reveal() == "xapp-1-app"
    assert found.slack_api_url == "https://slack.com/api/"
    assert found.store_url.reveal() == "sqlite+aiosqlite:///data/countersign.db"
    assert (found.ops_file, found.log_format, found.http_addr) == (Path("ops.yaml"), LogFormat.CONSOLE, None)


def test_everything_set():
    found = settings(
        {
            **TOKENS,
            "SLACK_API_URL": "http://127.0.0.1:9/api/",
            "STORE_URL": "mysql+aiomysql://bot:p%40ss@db:3306/countersign",
            "OPS_FILE": "/etc/ops.yaml",
            "LOG_FORMAT": "json",
            "HTTP_ADDR": "[::1]:9090",
        }
    )
    assert found.slack_api_url == "http://127.0.0.1:9/api/"
    assert found.store_url.reveal() == "mysql+aiomysql://bot:p%40ss@db:3306/countersign"
    assert (found.ops_file, found.log_format) == (Path("/etc/ops.yaml"), LogFormat.JSON)
    assert found.http_addr == HttpAddress("::1", 9090)


def test_the_real_environment_wins(tmp_path):
    file = tmp_path / ".env"
    file.write_text("SLACK_BOT_TOKEN=xoxb-file\nSLACK_APP_TOKEN='xapp-file'\nexport LOG_FORMAT=json\nHTTP_ADDR=\n")
    found = settings({"SLACK_BOT_TOKEN": "xoxb-real"}, file)
    assert found.slack_bot_token.reveal() == "xoxb-real"
    assert found.slack_app_token.reveal() == "xapp-file"
    assert (found.log_format, found.http_addr) == (LogFormat.JSON, None)


def test_secrets_do_not_show():
    found = settings({**TOKENS, "STORE_URL": "mysql+aiomysql://bot:p%40ss@db/x", "FORGE_TOKEN": "ghp_forge"})
    assert not re.search("1-bot|1-app|p%40ss|ghp_forge", f"{found!r} {found} {found.store_url}")
    assert str(found.store_url) == "mysql+aiomysql://bot:***@db/x"
    assert {secret.reveal() for secret in found.secrets()} == {
        "xoxb-1-bot",
        "xapp-1-app",
        "p%40ss",
        "p@ss",
        "ghp_forge",
    }


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("SLACK_BOT_TOKEN", "xapp-1", "not a bot token; it begins with xoxb-"),
        ("SLACK_BOT_TOKEN", "xoxb-…", "not a bot token; it is made of letters, digits and `-`, after xoxb-"),
        ("SLACK_APP_TOKEN", "xoxb-1", "not an app-level token; it begins with xapp-"),
        ("SLACK_API_URL", "https://slack.com/api", "not the base of a Web API; it begins with https:// (or http://) and ends in /api/"),
        ("SLACK_API_URL", "ftp://x/api/", "not the base of a Web API; it begins with https:// (or http://) and ends in /api/"),
        ("SLACK_API_URL", "http://x:y/api/", "not a URL; its host or port cannot be read"),
        ("STORE_URL", "sqlite:///x", "not a store that the bot knows; it begins with sqlite+aiosqlite:/// or mysql+aiomysql://"),
        ("STORE_URL", "sqlite+aiosqlite://x", "sqlite+aiosqlite:// needs three slashes and a path (sqlite+aiosqlite:///data/countersign.db)"),
        ("STORE_URL", "mysql+aiomysql://u:hunter2@h", "mysql+aiomysql:// needs a host and a name (mysql+aiomysql://user:password@host:3306/name)"),
        ("LOG_FORMAT", "xml", "must be console or json"),
        ("BOT_LANGUAGE", "de", "must be en or fr; LANGUAGE_DIR is for other languages"),
        ("HTTP_ADDR", "9090", "not host:port; such as 127.0.0.1:9090 (0.0.0.0:9090 for every interface)"),
        ("HTTP_ADDR", "h:0", "not host:port; such as 127.0.0.1:9090 (0.0.0.0:9090 for every interface)"),
    ],
)  # fmt: skip
def test_one_mistake(name, value, message):
    assert problems({**TOKENS, name: value}) == [f"environment: {name}: {message}"]


def test_mistakes_stand_at_their_lines(tmp_path):
    file = tmp_path / "my.env"
    file.write_text("# tokens\n\nSLACK_BOT_TOKN=xoxb-1\nSLACK_APP_TOKEN=nothing\n")
    assert sorted(problems({}, file)) == [
        f"{file}:4: SLACK_APP_TOKEN: not an app-level token; it begins with xapp-",
        f"environment: SLACK_BOT_TOKEN: missing; set it in the environment or in {file} "
        f"({file} has SLACK_BOT_TOKN, which is not read)",
    ]


def test_lines_that_are_no_assignment(tmp_path):
    file = tmp_path / ".env"
    file.write_text("A=1\n\nwhat is this\nB='open\n")
    assert [str(problem) for problem in read_variables(file, {}).problems] == [
        f"{file}:3: not an assignment; write NAME=value",
        f"{file}:4: not an assignment; write NAME=value",
    ]


def test_the_store_needs_no_tokens():
    assert store_url_of(read_variables(Path("no-such.env"), {})).reveal() == "sqlite+aiosqlite:///data/countersign.db"


def test_both_files_are_checked_at_once(tmp_path):
    ops = tmp_path / "ops.yaml"
    ops.write_text(RIGHT.replace("hosts: [web1]", "hosts: [web9]"))
    with pytest.raises(ConfigurationError) as raised:
        load_configuration(tmp_path / ".env", ops, {"PASSWORD": "x", **TOKENS, "LOG_FORMAT": "xml"}, accept)
    assert [problem.path for problem in raised.value.problems] == [
        "LOG_FORMAT",
        "apps.compte.environments.production.hosts[0]",
    ]


def test_variables_of_the_operations_file_may_stand_in_env(tmp_path):
    ops, env = tmp_path / "ops.yaml", tmp_path / ".env"
    ops.write_text(RIGHT)
    env.write_text(f"OPS_FILE={ops}\nPASSWORD=sesame-open\n")
    found = load_configuration(env, None, TOKENS, accept)
    assert found.masker().mask("xoxb-1-bot xapp-1-app sesame-open") == "*** *** ***"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "there is no such file; copy ops.example.yaml, or name another one by OPS_FILE"),
        (b"\xff\xfe\xff", "it is not UTF-8 text"),
    ],
)
def test_an_operations_file_that_cannot_be_read(tmp_path, content, message):
    ops = tmp_path / "ops.yaml"
    if content is not None:
        ops.write_bytes(content)
    with pytest.raises(ConfigurationError) as raised:
        load_configuration(tmp_path / ".env", ops, TOKENS, accept)
    assert str(raised.value) == f"{ops}: {message}"


def test_the_example_names_every_variable_and_no_other():
    text = (ROOT / ".env.example").read_text()
    named = set(re.findall(r"^(?:# )?([A-Z_]+)=", text, re.MULTILINE))
    asked_by_ops_example = set(re.findall(r"\$\{([A-Z_]+)\}", (ROOT / "ops.example.yaml").read_text())) - {"NAME"}
    assert named == set(VARIABLES) | asked_by_ops_example


def test_the_example_shows_the_defaults():
    text = (ROOT / ".env.example").read_text()
    shown = dict(re.findall(r"^# ([A-Z_]+)=(.*)$", text, re.MULTILINE))
    found = settings(TOKENS)
    assert shown.pop("HTTP_ADDR")
    assert shown.pop("AUDIT_FORWARD")
    assert shown.pop("LANGUAGE_DIR")
    assert shown.pop("FORGE_TOKEN")
    assert shown == {
        "SLACK_API_URL": found.slack_api_url,
        "STORE_URL": found.store_url.reveal(),
        "OPS_FILE": str(found.ops_file),
        "BOT_LANGUAGE": found.bot_language.value,
        "LOG_FORMAT": found.log_format.value,
    }
