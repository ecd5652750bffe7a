"""What the menu offers to whoever wants to cheat: it is what it claims to be."""

from __future__ import annotations

import pytest

from bot.demo.application.application import Application
from bot.demo.application.git import git
from bot.demo.errors import DemoError
from bot.demo.menu.cheating import BRANCH, Cheating


async def test_the_branch_is_at_origin_and_main_is_as_it_was(laravel_at_first: Application) -> None:
    tip = await laravel_at_first.tip()
    assert BRANCH in await Cheating(laravel_at_first).push_branch()
    assert await laravel_at_first.tip() == tip
    added = await git(laravel_at_first.origin, "diff", "--name-only", "main", BRANCH)
    assert added.split() == ["database/migrations/2025_12_24_000001_tidy_up.php"]
    # Once more, from where main is by then.
    await Cheating(laravel_at_first).push_branch()


async def test_the_loop_is_on_main_and_names_no_statement(laravel_at_first: Application) -> None:
    await Cheating(laravel_at_first).push_loop()
    await Cheating(laravel_at_first).push_loop()
    added = await git(laravel_at_first.origin, "show", "--name-only", "--format=", "main")
    text = await git(laravel_at_first.origin, "show", f"main:{added.strip()}")
    assert "DELETE" not in text


async def test_the_file_on_the_server_is_in_no_commit_and_goes_again(laravel_at_first: Application) -> None:
    cheating = Cheating(laravel_at_first)
    with pytest.raises(DemoError):
        await cheating.take_away()
    await cheating.leave_migration()
    with pytest.raises(DemoError):
        await cheating.leave_migration()
    status = await git(laravel_at_first.path, "status", "--porcelain", "--untracked-files=all")
    assert status.split() == ["??", "database/migrations/2025_12_24_000000_forgotten.php"]
    await cheating.take_away()
