"""What a branch has that is not live, read from origin without touching the checkout."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from bot.demo.host.host import DemoHost
from bot.domain.errors import Reason, RefusedError
from bot.domain.runs.plan import Commit
from bot.domain.targets.branch_commits import MAX_COMMITS
from bot.domain.targets.target import Target
from bot.hosts.branch_reader import BranchReader, build_question
from bot.hosts.connections import Connections
from tests.hosts.test_look import Repository, git, state_of
from tests.support.examples import TARGET


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path)


@pytest.fixture
def reader(connections: Connections) -> BranchReader:
    return BranchReader(connections)


def on(repository: Repository, branch: str = "main") -> Target:
    return replace(TARGET, path=str(repository.path), branch=branch)


def left_on(server: DemoHost) -> list[Path]:
    return list(Path(server.environment["TMPDIR"]).glob("countersign-newest.*"))


async def test_commits_that_were_never_fetched_are_told_and_the_checkout_is_left_as_it_is(
    reader: BranchReader, repository: Repository, server: DemoHost
) -> None:
    (repository.origin / "new").write_text("x")
    pushed = repository.commit("pushed just now", 4)
    before = state_of(repository)
    found = await reader.newest(on(repository))
    assert (found.branch, found.head, found.tip, found.fetched) == ("main", repository.first, pushed, True)
    assert found.commits[0] == Commit(pushed, "Amélie D", "pushed just now")
    assert [commit.sha for commit in found.commits] == [pushed, repository.third, repository.second]
    assert state_of(repository) == before
    assert git(repository.path, "rev-parse", "origin/main") == repository.third
    assert left_on(server) == []


async def test_of_many_the_newest_are_told(reader: BranchReader, repository: Repository) -> None:
    for number in range(MAX_COMMITS + 3):
        (repository.origin / "new").write_text(str(number))
        repository.commit(f"number {number}", 10 + number)
    found = await reader.newest(on(repository))
    assert [commit.subject for commit in found.commits] == [
        f"number {MAX_COMMITS + 2 - each}" for each in range(MAX_COMMITS)
    ]


async def test_nothing_new(reader: BranchReader, repository: Repository) -> None:
    git(repository.path, "reset", "--hard", "-q", "origin/main")
    found = await reader.newest(on(repository))
    assert (found.head, found.tip, found.commits) == (repository.third, repository.third, ())


async def test_an_origin_that_does_not_answer_leaves_what_was_fetched_last(
    reader: BranchReader, repository: Repository
) -> None:
    shutil.move(repository.origin, f"{repository.origin}-gone")
    found = await reader.newest(on(repository))
    assert (found.tip, found.fetched) == (repository.third, False)
    assert len(found.commits) == 2


async def test_a_branch_that_nobody_has(reader: BranchReader, repository: Repository) -> None:
    with pytest.raises(RefusedError) as refused:
        await reader.newest(on(repository, "no-such"))
    assert refused.value.problem.reason is Reason.REF_NOT_FOUND


def test_the_script_quotes_what_the_operations_file_says() -> None:
    hostile = replace(TARGET, path="/x'; touch /tmp/y; '", branch="a$(id)")
    text = build_question(hostile, "n0nce").script()
    assert "path='/x'\"'\"'; touch /tmp/y; '\"'\"''\n" in text
    assert "branch='a$(id)'\n" in text


async def test_a_branch_that_was_withdrawn_at_origin(reader: BranchReader, repository: Repository) -> None:
    git(repository.origin, "branch", "withdrawn")
    git(repository.path, "fetch", "-q", "origin")
    assert (await reader.newest(on(repository, "withdrawn"))).tip == repository.third
    git(repository.origin, "branch", "-D", "withdrawn")
    with pytest.raises(RefusedError) as refused:
        await reader.newest(on(repository, "withdrawn"))
    assert refused.value.problem.reason is Reason.REF_NOT_FOUND
