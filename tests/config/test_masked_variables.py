"""Which values of variables are masked."""

from __future__ import annotations

import pytest

from bot.config.masked_variables import masked_variables

DOCUMENT = {
    "apps": {"compte": {"recipe": "laravel", "channels": ["C0OPS"]}},
    "hosts": {"web1": {"user": "deploy-user"}},
}

CASES = [
    ("HEALTH_TOKEN", "abc", None),
    ("COMPTE_DB_PASSWORD", "1234", None),
    ("ANYTHING", "long enough to be one", None),
    ("ANYTHING", "https://example.com/?q=1", None),
    ("ANYTHING", "compte", "also a name in the operations file"),
    ("ANYTHING", "deploy-user", "also a name in the operations file"),
    ("PORT", "13306", "a number"),
    ("HOST", "db.internal.example", "an address"),
    ("HOST", "db.example:3306", "an address"),
    ("HOST", "10.20.30.40", "an address"),
    ("HOST", "fe80::1", "an address"),
    ("WHERE", "prod", "a word of fewer than 8 characters"),
    ("WHERE", "p@ss", None),
]


@pytest.mark.parametrize(("name", "value", "reason"), CASES)
def test_everything_is_masked_but_what_hides_nothing(name: str, value: str, reason: str | None) -> None:
    found = masked_variables({name: value}, DOCUMENT)
    assert found.unmasked.get(name) == reason
    assert (name in found.masked) is (reason is None)
