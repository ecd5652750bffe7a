"""What `sudo -n -l` lists, judged for one act on one service."""

from __future__ import annotations

import pytest

from bot.domain.targets.look import ServiceAct, SudoAnswer
from bot.hosts.sudo_rules import judge

ALLOWED, ASKS, REFUSED, UNKNOWN = SudoAnswer.ALLOWED, SudoAnswer.ASKS, SudoAnswer.REFUSED, SudoAnswer.UNKNOWN
RESTART = ServiceAct("restart", "php8.2-fpm")


def listing(*rules: str, defaults: str = "env_reset, mail_badpass") -> str:
    rules = tuple(f"    {rule}" for rule in rules)
    return "\n".join(
        (
            "Matching Defaults entries for deploy on web1:",
            f"    {defaults}",
            "",
            "User deploy may run the following commands on web1:",
            *rules,
            "",
        )
    )


OWN = "(root) NOPASSWD: /usr/bin/systemctl restart php8.2-fpm, /usr/bin/systemctl is-active --quiet php8.2-fpm"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (listing(OWN), ALLOWED),
        (listing("(root) /usr/bin/systemctl restart php8.2-fpm"), ASKS),
        (listing("(ALL : ALL) ALL"), ASKS),
        (listing("(ALL : ALL) NOPASSWD: ALL"), ALLOWED),
        (listing("(ALL) NOPASSWD: ALL", "(ALL) ALL"), ASKS),
        (listing("(ALL) ALL", OWN), ALLOWED),
        (listing(OWN, "(root) !/usr/bin/systemctl restart php8.2-fpm"), REFUSED),
        (listing("(root) NOPASSWD: /usr/bin/systemctl restart php8.2-fpm", "(www-data) ALL"), ALLOWED),
        (listing("(www-data) NOPASSWD: ALL"), REFUSED),
        (listing("(root) NOPASSWD: /usr/bin/systemctl restart nginx"), REFUSED),
        (listing("(root) NOPASSWD: /usr/bin/systemctl restart php8.2-fpm extra"), REFUSED),
        (listing("(root) NOPASSWD: /usr/bin/systemctl restart php*"), ALLOWED),
        (listing("(root) NOPASSWD: /bin/systemctl"), ALLOWED),
        (listing("(root) SETENV: NOPASSWD: /usr/bin/systemctl restart php8.2-fpm"), ALLOWED),
        (listing("(root) NOPASSWD: /usr/bin/true, PASSWD: /usr/bin/systemctl restart php8.2-fpm"), ASKS),
        (listing("(root) /usr/bin/true, NOPASSWD: /usr/bin/systemctl restart php8.2-fpm"), ALLOWED),
        (listing("(root) NOPASSWD: /usr/bin/true,", "    /usr/bin/systemctl restart php8.2-fpm"), ALLOWED),
        (listing("(ALL) ALL", defaults="!authenticate"), ALLOWED),
        (listing("(ALL) ALL", defaults="exempt_group=deployers"), UNKNOWN),
        ("", UNKNOWN),
        ("sudo: a password is required", UNKNOWN),
        ("User deploy is not allowed to run sudo on web1.", UNKNOWN),
    ],
)
def test_the_last_entry_that_matches_counts_with_its_tag(text: str, expected: SudoAnswer) -> None:
    assert judge(text, RESTART) is expected
