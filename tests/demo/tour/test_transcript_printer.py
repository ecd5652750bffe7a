import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from bot.demo.host.command_log import LoggedCommand
from bot.demo.tour.findings import TourFinding, times_started
from bot.demo.tour.transcript_printer import TranscriptPrinter, plain
from bot.demo.tour.workspace_client import ChannelView

NAMES = {"U0AMELIE": "Amélie"}


@pytest.mark.parametrize(
    ("mrkdwn", "wanted"),
    [
        ("🎉 <@U0AMELIE> *compte production is live.*", "🎉 Amélie compte production is live."),
        ("`a42a0ed` · 3 s", "a42a0ed · 3 s"),
        ("*1 migration to run*\n• `2025_11_16_add_token_id`", "1 migration to run\n• 2025_11_16_add_token_id"),
        ("<!date^1795347588^{time}|11:39 UTC>", "11:39 UTC"),
        ("<https://example.com/log|the log> or <https://example.com>", "the log or https://example.com"),
        ("a &lt;b&gt; &amp;amp; 2 * 3 * 4", "a <b> &amp; 2 * 3 * 4"),
        ("*`bold code`*", "bold code"),
    ],
)
def test_slack_s_marks_are_taken_out(mrkdwn: str, wanted: str) -> None:
    assert plain(mrkdwn, NAMES) == wanted


def message(ts: str, kind: str, text: str, **payload: Any) -> dict[str, Any]:
    told = {"run": "R-1", **payload}
    return {"ts": ts, "text": text, "metadata": {"event_type": f"countersign_{kind}", "event_payload": told}}


def channel(*messages: dict[str, Any]) -> ChannelView:
    return ChannelView(
        {"channels": [{"id": "C0OPS", "messages": messages}], "people": [], "files": [], "ephemerals": []}
    )


def steps(state: str, **states: str) -> dict[str, Any]:
    listed = [{"key": key, "title": key, "state": each} for key, each in states.items()]
    return message("2", "progress", "", state=state, steps=listed)


def test_the_end_is_told_once_and_after_the_last_step() -> None:
    output = io.StringIO()
    printer = TranscriptPrinter(Console(file=output, width=80), clock=lambda: 0.0)
    done = message("3", "result", "Deploy: done in 2 s (R-1)", state="succeeded")
    printer.print_new(
        channel(message("1", "run", "Deploy: running", state="running"), steps("running", one="done", two="running"))
    )
    ended = message("1", "run", "Deploy: done", state="succeeded")
    printer.print_new(channel(ended, steps("running", one="done", two="running"), done))
    printer.print_new(channel(ended, steps("succeeded", one="done", two="done"), done))
    printer.print_new(channel(ended, steps("succeeded", one="done", two="done"), done))
    said = [" ".join(line.split()).removeprefix("0.0 s Countersign ") for line in output.getvalue().splitlines()]
    assert said == ["Deploy: running", "✓ one", "✓ two", "Deploy: done in 2 s", "Deploy: done"]


def test_a_verdict_says_what_is_instead() -> None:
    output = io.StringIO()
    printer = TranscriptPrinter(Console(file=output, width=80), clock=lambda: 0.0)
    printer.print_findings(
        [TourFinding("The site is up", holds=False, instead="maintenance mode is on"), TourFinding("It is", holds=True)]
    )
    assert "✗ The site is up: no, maintenance mode is on" in output.getvalue()
    assert "✓ It is" in output.getvalue()
    assert "1 of 2 things are not as they should be." in output.getvalue()


def test_each_change_in_the_checkout_is_counted_by_its_first_words() -> None:
    ran = (
        ("/www", "php artisan up"),
        ("/www", "php artisan migrate --force"),
        ("/www", "php artisan migrate:status"),
        ("/www", "php artisan migrate --force"),
        ("/www/.git/rehearsal", "php artisan migrate --force"),
    )
    entries = [LoggedCommand(0.0, tuple(command.split()), cwd, 1) for cwd, command in ran]
    counted = times_started(entries, Path("/www"))
    assert (counted["php artisan up"], counted["php artisan migrate"], counted["git merge"]) == (1, 2, 0)
