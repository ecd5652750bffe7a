"""What becomes of a live environment, hostile ones included, with each awk that is installed."""

import base64
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.sandbox.environment import LARAVEL_REPLACED, LARAVEL_TREATMENTS, Environment, Form, Treatment
from bot.sandbox.plan import CodeBox, script
from tests.sandbox.support.bench import AT, Bench

AWKS = [words for words in (["mawk"], ["gawk"], ["busybox", "awk"], ["original-awk"]) if shutil.which(words[0])]
FRESH = "base64:" + base64.b64encode(b"f" * 32).decode()


@pytest.fixture(params=AWKS, ids=" ".join)
def awk(request: pytest.FixtureRequest) -> list[str]:
    words: list[str] = request.param
    return words


def become(awk: list[str], live: bytes, folder: Path, **treatments: Treatment) -> dict[str, str]:
    """Give the files that are made of a live one."""
    environment = Environment("/live/.env", {**LARAVEL_TREATMENTS, **treatments}, LARAVEL_REPLACED)
    for old in folder.iterdir():
        old.unlink()
    done = subprocess.run(
        [*awk, script("environment.awk")],
        input=live.replace(b"\0", b""),
        env={
            "PATH": os.environ["PATH"],
            "LC_ALL": "C",
            "sandbox_out": str(folder),
            "sandbox_rules": environment.rules(),
            "sandbox_password": "new-password",
            "sandbox_key": FRESH,
        },
        cwd=folder,
        capture_output=True,
        check=True,
    )
    assert done.stdout == b""
    assert done.stderr == b""
    return {file.name: file.read_text(errors="replace") for file in folder.iterdir()}


def test_only_known_keys_keep_their_values(awk: list[str], tmp_path: Path) -> None:
    live = b"""# a comment
APP_NAME=Compte
export APP_ENV=production   # said
APP_KEY=base64:bGl2ZWxpdmVsaXZlbGl2ZWxpdmVsaXZlbGl2ZWxpdmU=
  APP_URL=https://compte.example.com
DB_HOST = 10.1.2.3
DB_PORT="3307"
DB_SOCKET='/run/mysqld/live.sock'
DB_USERNAME=compte
DB_PASSWORD="p#a\\"ss"
DB_DATABASE=compte
QUEUE_CONNECTION=redis
REDIS_HOST=10.1.2.4
REDIS_PORT=6379
MAIL_FROM=people@example.com
EMPTY=
DEBUG=false
WEBHOOK=https://user:pass@hooks.example.com/T000/secret
STORAGE=/mnt/private
OAUTH=base64:c2VjcmV0
PEM="-----BEGIN KEY-----
APP_NAME=inside
c2VjcmV0
-----END KEY-----"
LAST=sk_live_1\r
not a line
2BAD=x
"""
    files = become(awk, live, tmp_path)
    assert files["dotenv"].splitlines() == [
        "APP_NAME=Compte",
        "APP_ENV=production",
        f"APP_KEY={FRESH}",
        "APP_URL=http://sandbox.invalid",
        "DB_HOST=10.1.2.3",
        "DB_PORT=3307",
        "DB_SOCKET=/run/mysqld/live.sock",
        "DB_USERNAME=compte",
        "DB_PASSWORD=new-password",
        "DB_DATABASE=compte",
        "QUEUE_CONNECTION=null",
        "REDIS_HOST=sandbox",
        "REDIS_PORT=1",
        "MAIL_FROM=sandbox@sandbox.invalid",
        "EMPTY=",
        "DEBUG=false",
        "WEBHOOK=https://sandbox.invalid",
        "STORAGE=/tmp/sandbox",
        f"OAUTH={FRESH}",
        "PEM=sandbox",
        "LAST=sandbox",
    ]
    assert [files[name] for name in ("hosts", "ports", "sockets", "users")] == [
        "10.1.2.3\n", "3307\n", "/run/mysqld/live.sock\n", "compte\n",
    ]  # fmt: skip


def test_values_that_refer_to_others(awk: list[str], tmp_path: Path) -> None:
    live = b"""SECRET=live-secret
APP_NAME="${SECRET} ${APP_ENV} ${NONE}"
APP_ENV=local
DB_PREFIX=${APP_ENV}_x
DB_CHARSET='${SECRET}'
DB_ENGINE="\\${SECRET}"
MAIL_FROM_NAME="${APP_NAME}"
"""
    assert become(awk, live, tmp_path)["dotenv"].splitlines() == [
        "SECRET=sandbox",
        'APP_NAME="sandbox sandbox sandbox"',
        "APP_ENV=local",
        "DB_PREFIX=local_x",
        'DB_CHARSET="\\${SECRET}"',
        'DB_ENGINE="\\${SECRET}"',
        "MAIL_FROM_NAME=sandbox",
    ]


def test_addresses_of_databases(awk: list[str], tmp_path: Path) -> None:
    live = b"""DATABASE_URL=mysql://compte:s3cr%40t@db.internal:3307/compte?sslmode=require&password=x
DB_URL=mysql://db.internal/other
SOME_URL=mysql://a:b@c/d
ODD_URL='mysql://us"er:x@h/d'
"""
    files = become(awk, live, tmp_path, ODD_URL=Treatment.URL)
    assert files["dotenv"].splitlines() == [
        "DATABASE_URL=mysql://compte:new-password@db.internal:3307/compte",
        "DB_URL=mysql://db.internal/other",
        "SOME_URL=mysql://sandbox.invalid",
        "ODD_URL=mysql://sandbox.invalid",
    ]
    assert [files[name] for name in ("hosts", "ports", "users")] == ["db.internal\n" * 2, "3307\n", "compte\n"]


def test_several_hosts_in_one_value_are_all_served(awk: list[str], tmp_path: Path) -> None:
    files = become(awk, b"DB_HOST='10.1.2.3, db-2;/run/mysqld/s.sock,'\n", tmp_path)
    assert (files["hosts"], files["sockets"]) == ("10.1.2.3\ndb-2\n", "/run/mysqld/s.sock\n")


def test_a_value_whose_quotes_never_end_stays_with_nobody(awk: list[str], tmp_path: Path) -> None:
    live = b'APP_NAME="live\nSECRET=live-secret\nDB_DATABASE=compte\n'
    assert become(awk, live, tmp_path)["dotenv"] == "APP_NAME=sandbox\nSECRET=sandbox\nDB_DATABASE=compte\n"


def test_odd_values_of_known_keys_do_not_stay(awk: list[str], tmp_path: Path) -> None:
    live = b'APP_NAME="two\nlines"\nAPP_ENV=' + b"x" * 256 + b"\nDB_PORT=70000\nDB_CONNECTION=\x1b[0m\n"
    assert become(awk, live, tmp_path)["dotenv"].splitlines() == [
        "APP_NAME=sandbox", "APP_ENV=sandbox", "DB_PORT=1", "DB_CONNECTION=sandbox",
    ]  # fmt: skip


HOSTILE = b"""APP_NAME="`touch pwned` $(touch pwned) ; touch pwned | touch pwned"
APP_ENV='; touch pwned; #'
DB_HOST=$(touch pwned)
DB_USERNAME=x'@'%'; DROP USER root; --
DB_DATABASE=a"; system("touch pwned"); "
DB_PREFIX=' && touch pwned'
DB_CHARSET=%s%s%n\\
"""


def test_nothing_of_it_is_executed(awk: list[str], tmp_path: Path) -> None:
    files = become(awk, HOSTILE, tmp_path)
    # Read back by a shell, each is what it was.
    shown = subprocess.run(
        ["sh", "-c", '. ./variables; printf "%s\\n" "$APP_NAME" "$APP_ENV" "$DB_USERNAME" "$DB_CHARSET"'],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stdout.splitlines() == [
        "`touch pwned` $(touch pwned) ; touch pwned | touch pwned",
        "; touch pwned; #",
        "x'@'%'; DROP USER root; --",
        "%s%s%n\\",
    ]
    assert not (tmp_path / "pwned").exists()
    assert files["dotenv"].startswith('APP_NAME="`touch pwned` \\$(touch pwned)')


_LINE = st.text(st.sampled_from("AB=_'\"\\$#{}` \t\r\nexport9.:/@"), max_size=60)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=_LINE, after=_LINE, quote=st.sampled_from(["", '"', "'"]), name=st.sampled_from(["TOKEN", "X.Y", "a"]))
def test_a_secret_stays_with_nobody_whatever_stands_around_it(
    tmp_path: Path, before: str, after: str, quote: str, name: str
) -> None:
    live = f"{before}\n{name}={quote}SECRETVALUE{quote}\n{after}\nA={quote}{after}${{{name}}}{quote}\n"
    files = become(AWKS[0], live.encode(), tmp_path, A=Treatment.KEEP, B=Treatment.KEEP, A_B=Treatment.USER)
    shown = "".join(files.values())
    assert "SECRETVALUE" not in shown


def test_rules_are_validated() -> None:
    for treatments, replaced, name in (
        ({"A B": Treatment.KEEP}, {}, ".env"),
        ({}, {"A": "x\ny"}, ".env"),
        ({"A": Treatment.KEEP}, {"A": "x"}, ".env"),
        ({}, {}, "../.env"),
        ({}, {}, "a/b"),
        ({}, {}, ".."),
    ):
        with pytest.raises(ValueError, match=r"."):
            Environment("/live/.env", treatments, replaced, name=name)


def test_an_application_that_reads_its_process_s_environment(host: Bench) -> None:
    (host.live / ".env").write_bytes(
        b"DJANGO_KEY=live-secret\nDATABASE_URL=mysql://compte:live@127.0.0.1/compte\n" + HOSTILE
    )
    environment = Environment(
        str(host.live / ".env"), {"DATABASE_URL": Treatment.URL, "APP_NAME": Treatment.KEEP}, form=Form.VARIABLES
    )
    sandbox = host.sandbox(code=CodeBox(AT, environment))
    done = host.run(sandbox, 'sandbox_run see 5 \'echo "$DJANGO_KEY" "$APP_NAME"; echo $DATABASE_URL; ls -A\'')
    lines = done["see"].output.splitlines()
    assert lines[0] == "sandbox `touch pwned` $(touch pwned) ; touch pwned | touch pwned"
    assert lines[1].startswith("mysql://compte:")
    assert "live@" not in lines[1]
    assert lines[2:] == []


def test_an_environment_that_cannot_be_read_is_said(some_host: Bench) -> None:
    (some_host.live / ".env").unlink()
    some_host.say(some_host.text(some_host.sandbox(), ":"))
    refusal = some_host.results().refusal
    assert refusal is not None
    assert refusal.obstacle.value == "environment"
