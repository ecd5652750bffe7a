"""What a run in batches says of its hosts: which has which release, in few lines, also with a hundred of them."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.language import Language
from bot.domain.runs.findings import AllAtOnce, AtOnceReason, HostsDiffer, LeftOut
from bot.domain.runs.run import Run, RunState, StepState
from bot.playground.block_kit.blocks import Surface, check_blocks
from bot.slack.render.cards.run.hosts_part import batch_line, hosts_line, hosts_part
from bot.slack.render.cards.run.translated_run import translated_run
from bot.slack.render.run_messages import render
from bot.slack.translators import builtin_translator
from tests.slack.support.limits import broken
from tests.slack.support.runs import AFTER, AT, NEW, OLD, STOPPED_AT, ctx, hosts, in_batches

FRENCH = builtin_translator(Language.FRENCH)
STOPPED = in_batches(10, 2, RunState.NEEDS_HUMAN, 5, ("web5",), problem=STOPPED_AT)


def lines(run: Run) -> list[str]:
    return hosts_part(run, ctx()).splitlines()


def test_hosts_that_are_alike_take_a_line() -> None:
    assert lines(STOPPED) == [
        "*Hosts*",
        f"✅ `{NEW[:7]}` web1, web2, web3 +1",
        f"❌ *web5* `{NEW[:7]}` · The host is healthy · out of service",
        f"⚪ `{OLD[:7]}` web6, web7, web8 +2",
    ]


def test_it_is_told_in_french_too() -> None:
    told = replace(ctx(), translator=FRENCH)
    said = hosts_part(translated_run(STOPPED, told), told)
    assert "*Hôtes*" in said
    assert f"❌ *web5* `{NEW[:7]}` · L'hôte est en bonne santé · hors service" in said


def test_the_card_in_the_channel_names_the_host_that_stopped_it() -> None:
    assert hosts_line(STOPPED, ctx()) == "Hosts: ✅ 4 · ❌ web5 · ⚪ 5"


def test_what_runs_now_is_named_by_its_step() -> None:
    run = in_batches(10, 2, RunState.RUNNING, 3)
    rows = tuple(
        replace(row, state=StepState.RUNNING, started_at=AT)
        if row.key == "switch" and row.place in {"web4", "web5"}
        else replace(row, state=StepState.DONE, ended_at=AT)
        if row.key == "before-host" and row.place in {"web4", "web5"}
        else row
        for row in run.steps
    )
    run = replace(run, steps=rows)
    assert "⏳ web4, web5 · Switch to the release" in lines(run)
    assert batch_line(run, ctx()) == "batch 3 of 6: web4, web5"


def test_a_pause_says_when_it_is_over() -> None:
    run = in_batches(10, 2, RunState.RUNNING, 3)
    assert "begins <!date^" in batch_line(run, ctx(AT + timedelta(seconds=25)))
    assert batch_line(run, ctx(AT + timedelta(seconds=30))) == "batch 3 of 6: web4, web5"


def test_before_the_first_batch_it_is_the_step_that_counts() -> None:
    run = in_batches(3, 1, RunState.RUNNING, 0)
    rows = tuple(replace(row, state=StepState.PENDING) if row.position == 2 else row for row in run.steps)
    assert batch_line(replace(run, steps=rows), ctx()) == ""


@pytest.mark.parametrize("size", [1, 10, 100])
@pytest.mark.parametrize(
    ("state", "done", "stopped"),
    [
        (RunState.RUNNING, 37, ()),
        (RunState.NEEDS_HUMAN, 40, ("web11", "web12")),
        (RunState.NEEDS_HUMAN, 100, hosts(100)[1:]),
        (RunState.SUCCEEDED, 100, ()),
    ],
)
def test_a_hundred_hosts_fit(size: int, state: RunState, done: int, stopped: tuple[str, ...]) -> None:
    problem = STOPPED_AT if state is RunState.NEEDS_HUMAN else None
    run = in_batches(100, size, state, done, stopped, problem=problem)
    assert run.plan is not None
    differ = HostsDiffer((f"{NEW[:7]} on {', '.join(hosts(50))}", f"{OLD[:7]} on {', '.join(hosts(100)[50:])}"))
    found = (AllAtOnce(AtOnceReason.MIGRATIONS), differ, LeftOut(hosts(100)))
    ended = AFTER if state is RunState.SUCCEEDED else None
    run = replace(run, plan=replace(run.plan, findings=found), ended_at=ended)
    run = replace(run, facts={"live": ", ".join(f"{host}: {NEW[:7]}" for host in hosts(100))})
    assert len(run.steps) == 1000
    for translator in (ctx().translator, FRENCH):
        told = render(run, replace(ctx(), translator=translator))
        for slot, message in told.items():
            assert broken(message) == [], slot
            assert check_blocks(list(message.blocks), Surface.MESSAGE) == [], slot
        assert len(told["progress"].payload["steps"]) == 10
        # A phone shows some 45 characters in a line; three names and a number are enough.
        longest = max(len(line) for line in hosts_part(run, ctx()).splitlines())
        assert longest < 80
        assert "web77" not in json.dumps([list(message.blocks) for message in told.values()])
