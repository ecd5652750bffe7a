"""What a host answers, and what is written and printed from it."""

from __future__ import annotations

import re
from dataclasses import replace
from importlib import resources
from pathlib import Path

import pytest
from dotenv import dotenv_values

from bot.config.operations import load_operations
from bot.config.recipe_vars import check_recipe
from bot.domain.secrets import Secret
from bot.setup.administrator import tasks
from bot.setup.answers import Answers, DatabaseAnswer, HostAnswer
from bot.setup.files import env_text, ops_text
from bot.setup.host_survey import Checkout, Framework, IncompleteSurveyError, Survey, parse_survey
from bot.setup.scripts.recognition import Service

SETUP = Path(__file__).parents[2] / "docs" / "setup.md"
GRANTS = (resources.files("bot.setup") / "grants.sql").read_text()
NONCE = "5b1f"


def answer(*sections: tuple[str, ...]) -> bytes:
    """What the script prints: each section is its name and its values."""
    return "".join(
        f"{NONCE}:{name}\0" + "".join(f"{value}\0" for value in values) for name, *values in sections
    ).encode()


HOST = ("host", "deploy", "/home/deploy", "8.2.29", "/usr/bin/systemctl", "mariadb from 11.8-MariaDB", "")
UNITS = ("units", "cron", "nginx", "php8.2-fpm", "php8.3-fpm", "ssh", "supervisor", "php@", "compte-horizon")
ENV = 'DB_CONNECTION=mysql\nDB_HOST=localhost\nDB_DATABASE=compte_herime\nDB_USERNAME=compte\nDB_PASSWORD="s#c\'ret"\n'
CHECKOUT = (
    "checkout", "/var/www/compte", "artisan", "", "main", "https://deploy:tok3n@forge.example.com/compte.git",
    "fatal: https://deploy:tok3n@forge.example.com/compte.git is gone", "", f"{ENV}APP_URL=https://compte.example.com",
    "deploy", "www-data",
)  # fmt: skip


def test_a_host_is_read() -> None:
    printed = b"Welcome!\n" + answer(
        HOST, UNITS, ("web-users", "www-data"), CHECKOUT, CHECKOUT[:2] + ("",) * 9, ("end",)
    )
    survey = parse_survey(printed, NONCE)
    assert (survey.user, survey.php, survey.vendor, survey.web_users) == ("deploy", "8.2.29", "MariaDB", ("www-data",))
    assert survey.php_fpm == ("php8.2-fpm",)
    assert survey.others == ("nginx", "php8.3-fpm", "supervisor", "compte-horizon")
    [first, second] = survey.checkouts
    assert (first.framework, second.framework) == (Framework.LARAVEL, Framework.OTHER)
    assert (first.branch, first.url, first.written_by) == ("main", "https://compte.example.com", "www-data")
    assert "tok3n" not in f"{first.origin}{first.origin_trouble}"
    assert first.database is not None
    assert (first.database.host, first.database.name, first.database.user) == ("127.0.0.1", "compte_herime", "compte")
    assert first.database.password == Secret("s#c'ret")
    assert "s#c'ret" not in repr(survey)


@pytest.mark.parametrize(
    ("env", "expected"),
    [
        ("DB_CONNECTION=sqlite\nDB_DATABASE=/x.db", None),
        ("", None),
        ("DATABASE_URL=mysql://a:b%40c@db.internal:3307/shop", ("db.internal", 3307, "shop", "a", "b@c")),
        ("DATABASE_URL=postgres://a:b@db/shop", None),
        ("export DB_DATABASE=shop\nDB_PORT=x\nDB_HOST=10.0.0.5", ("10.0.0.5", 3306, "shop", "", "")),
    ],
)
def test_the_database_of_an_environment_file(env: str, expected: tuple[object, ...] | None) -> None:
    values = list(CHECKOUT)
    values[8] = env
    [checkout] = parse_survey(answer(HOST, tuple(values), ("end",)), NONCE).checkouts
    found = checkout.database
    assert expected == (found and (found.host, found.port, found.name, found.user, found.password.reveal()))


@pytest.mark.parametrize("cut", [answer(HOST), answer(HOST, CHECKOUT)[:-20], b"", b"sh: not found"])
def test_an_answer_that_was_cut_off_is_none(cut: bytes) -> None:
    with pytest.raises(IncompleteSurveyError):
        parse_survey(cut, NONCE)


ANSWERS = Answers(
    hosts=(
        HostAnswer("bastion", "bastion.example.com", 2222, "jump"),
        HostAnswer("web1", "10.0.0.5", 22, "deploy", jump="bastion"),
    ),
    app="compte",
    environment="production",
    framework=Framework.LARAVEL,
    recipe="laravel",
    path="/var/www/it's $HOME: #1",
    branch="main",
    channel="C0OPS",
    engineers=("U0AMELIE", "U0BOB"),
    approvers=("U0BOB", "U0DBA", "S0RELEASE"),
    approvals=1,
    database=DatabaseAnswer(
        "127.0.0.1", 3306, "compte_herime", "countersign", "COMPTE_DB_PASSWORD", Secret("generated-1"), is_new=True
    ),
    backups="/var/backups/compte",
    services=("php8.2-fpm",),
    recipe_services=(Service("nginx", "reload"),),
    health_url="https://compte.example.com/login?from=bot",
)  # fmt: skip
SURVEY = Survey("deploy", "/home/deploy", "8.2.29", ("php8.2-fpm",), "/bin/systemctl", "11.8-MariaDB", (), False)
FOUND = Checkout("/var/www/compte", Framework.LARAVEL, origin="git@forge:x", origin_trouble="denied")
VARIANTS = {
    "all": ANSWERS,
    "least": replace(
        ANSWERS, hosts=(HostAnswer("web1", "web.example.com", 22, "deploy"),), database=None, backups="", services=(),
        health_url="", engineers=("anyone",), approvers=("U0BOB",), recipe_services=(),
    ),
    "own commands": replace(ANSWERS, recipe="shell", framework=Framework.OTHER),
    "django": replace(ANSWERS, recipe="django", framework=Framework.DJANGO),
    "numbers and words": replace(ANSWERS, app="2048", environment="on", branch="1.0"),
}  # fmt: skip


@pytest.mark.parametrize("answers", VARIANTS.values(), ids=VARIANTS)
def test_what_is_written_is_a_valid_operations_file(answers: Answers) -> None:
    operations = load_operations(
        ops_text(answers), Path("/etc/countersign/ops.yaml"), {"HOME": "/", "COMPTE_DB_PASSWORD": "x" * 9}, check_recipe
    )
    [target] = operations.targets.values()
    assert target.path == answers.path
    assert target.branch == answers.branch
    assert (target.database is None) == (answers.database is None)
    assert target.vars.get("health_url", "") == answers.health_url
    assert operations.hosts["web1"].jump == (answers.host.jump or None)


@pytest.mark.parametrize("password", ["simple", "a b#c", 'it\'s \\ "$HOME" ${X}', "'", "\\", "é\u2019"])
def test_a_password_comes_back_from_the_environment_file(password: str, tmp_path: Path) -> None:
    assert ANSWERS.database is not None
    text = env_text(replace(ANSWERS, database=replace(ANSWERS.database, password=Secret(password))))
    file = tmp_path / ".env"
    file.write_text(text)
    assert dotenv_values(file, interpolate=False)["COMPTE_DB_PASSWORD"] == password


def lines(answers: Answers = ANSWERS, survey: Survey = SURVEY, checkout: Checkout = FOUND) -> list[str]:
    return [line for task in tasks(answers, survey, checkout, GRANTS, ".env") for line in task.lines]


def test_the_administrator_gets_exact_lines() -> None:
    told = lines()
    assert (
        "deploy ALL=(root) NOPASSWD: /bin/systemctl restart php8.2-fpm, /bin/systemctl is-active --quiet php8.2-fpm"
        in told
    )
    assert "deploy ALL=(root) NOPASSWD: /bin/systemctl reload nginx, /bin/systemctl is-active --quiet nginx" in told
    assert "GRANT SELECT, SHOW VIEW ON `compte\\_herime`.* TO 'countersign'@'127.0.0.1';" in told
    assert "GRANT ALL ON `compte\\_herime\\_countersign\\_%`.* TO 'countersign'@'127.0.0.1';" in told
    assert 'install -d -m 700 -o deploy -g "$(id -gn deploy)" /var/backups/compte' in told
    assert "ssh-keygen -q -t ed25519 -N '' -f ~/.ssh/id_ed25519" in told
    assert not any("generated-1" in line or "a long random password" in line or "MySQL" in line for line in told)


def test_what_is_not_needed_is_not_asked_for() -> None:
    well = replace(FOUND, origin_trouble="")
    assert lines(VARIANTS["least"], checkout=well) == []
    mysql = replace(SURVEY, database_program="mysql  Ver 9.7.0 for Linux")
    assert any("SET_ANY_DEFINER" in line for line in lines(survey=mysql))
    assert not any("SET USER" in line for line in lines(survey=mysql))


def test_the_grants_are_those_of_the_documentation() -> None:
    documented = re.findall(r"```sql\n(.*?)```", SETUP.read_text(), re.DOTALL)
    assert "\n".join(documented) == GRANTS
