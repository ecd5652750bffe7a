from pathlib import Path

import pytest

from bot.demo.processes.programs import Missing, missing

HERE = Path(__file__)
EXTENSIONS = ("pdo_mysql", "dom", "mbstring")


@pytest.mark.parametrize(
    ("lacking", "extensions", "laravel", "wanted"),
    [
        ("", EXTENSIONS, HERE, ()),
        ("sshd", EXTENSIONS, HERE, (Missing("sshd", "openssh-server"),)),
        ("mariadbd", EXTENSIONS, HERE, (Missing("mariadbd", "mariadb-server-core"),)),
        ("php", (), HERE, (Missing("php", "php-cli"),)),
        ("", ("dom", "mbstring"), HERE, (Missing("PHP's extension pdo_mysql", "php-mysql"),)),
        ("", EXTENSIONS, HERE / "nowhere", (Missing("Laravel", "php-laravel-framework"),)),
    ],
)
def test_what_is_missing_is_named_with_its_package(
    lacking: str, extensions: tuple[str, ...], laravel: Path, wanted: tuple[Missing, ...]
) -> None:
    assert missing(lambda program: program != lacking, lambda: extensions, laravel) == wanted


def test_nothing_is_missing_where_the_tests_run() -> None:
    assert missing() == ()


def test_make_installs_every_package_that_is_asked_for() -> None:
    script = (Path(__file__).parents[3] / "scripts" / "install-system-packages").read_text()
    nothing = missing(lambda program: program == "php", tuple, HERE / "nowhere")
    assert {each.package for each in nothing} <= set(script.replace(")", " ").split())
