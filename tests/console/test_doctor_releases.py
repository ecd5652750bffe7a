"""The doctor on the folders of releases: what a host says, and a real one."""

from pathlib import Path

import pytest

from bot.console.doctor_checks.releases import judged
from bot.demo.application.application import Application
from tests.console.test_doctor import Doctor, doctor, failed
from tests.support.releases import releases_of

__all__ = ["doctor"]

FPM = "/etc/php/8.2/fpm/php-fpm.conf"


@pytest.mark.parametrize(
    ("said", "restarts", "wanted"),
    [
        (f"live releases/a\nfpm 0 {FPM}\n", False, ["ok"]),
        (f"live releases/a\nfpm 0 {FPM}\n", True, ["ok", "warn"]),
        (f"live releases/a\nfpm 10s {FPM}\n", True, ["ok"]),
        ("live releases/a\n", True, ["ok"]),
        ("bad /x/shared is not there\nlive releases/a\n", True, ["FAIL"]),
        ("", False, ["FAIL"]),
    ],
)
def test_what_a_host_says_is_judged(said: str, restarts: bool, wanted: list[str]) -> None:
    assert [result.status.value for result in judged("compte on web1", said, restarts)] == wanted


async def test_the_documented_way_is_as_it_should_be(doctor: Doctor, laravel_at_first: Application) -> None:
    root = await releases_of(laravel_at_first)
    environment = "apps.compte.environments.production"
    file = {f"{environment}.path": str(root), f"{environment}.layout": "releases"}
    status, lines = await doctor(file)
    assert failed((status, lines)) == []
    assert any(f"releases: releases/{(root / 'current').readlink().name} is live" in line for line in lines), lines
    _torn(root)
    found = failed(await doctor(file))
    assert any(f"{root}/shared/.env is not there" in line for line in found), found


def _torn(root: Path) -> None:
    (root / "shared/.env").rename(root / "shared/elsewhere")
