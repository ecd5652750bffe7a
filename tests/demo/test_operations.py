from collections.abc import Mapping
from pathlib import Path

import pytest

from bot.config.operations import CheckedRecipe, load_operations
from bot.demo.application.application import Application
from bot.demo.host.host import DemoHost
from bot.demo.host.web import WebServer
from tests.support import OPS_PASSWORD, operations, write_operations
from tests.support.operations import PRODUCTION, RELAXED


def any_recipe(recipe: str, base: Path, values: Mapping[str, object]) -> CheckedRecipe:
    del recipe, base
    return CheckedRecipe(vars=dict(values))


@pytest.mark.parametrize("policy", [PRODUCTION, RELAXED])
async def test_the_operations_file_for_tests_is_a_valid_one(
    laravel_at_first: Application, ssh_host: DemoHost, web: WebServer, tmp_path: Path, policy: dict[str, object]
) -> None:
    content = operations(ssh_host, laravel_at_first, health_url=web.health_url, policy=policy, ssh_port=4022)
    file = write_operations(tmp_path, content)
    secret = laravel_at_first.database.password
    assert secret not in file.read_text()
    loaded = load_operations(file.read_text(), file, {OPS_PASSWORD: secret, "HOME": "/nonexistent"}, any_recipe)
    assert str(laravel_at_first.path) in repr(loaded)
    assert "4022" in repr(loaded)
    assert secret not in repr(loaded)


async def test_altering_one_operations_file_alters_no_other(laravel_at_first: Application, ssh_host: DemoHost) -> None:
    one, two = (operations(ssh_host, laravel_at_first) for _ in range(2))
    one["policies"]["production"]["run"]["deploy"].clear()
    assert two["policies"]["production"]["run"]["deploy"] == ["engineers"]
    assert PRODUCTION["run"]["deploy"] == ["engineers"]
