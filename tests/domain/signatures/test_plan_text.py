"""`plan.txt`: everything is in it, nothing can hide in it, and it is read back or refused."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import fields, replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.runs.acts import Shell
from bot.domain.runs.batches import Batches
from bot.domain.runs.plan import Commit, Phase, Plan, Risk, Step, canonical_text
from bot.domain.runs.plan_json import plan_digest, plan_to_json
from bot.domain.shell import Command, Word, syntax
from bot.domain.signatures.plan_text import PlanTextError, PlanToSign, plan_text, read_plan_text
from bot.domain.signatures.visible_text import WIDTH, original, visible, wrapped
from tests.domain.support.plan_samples import DEPLOY, FINDINGS, PLANS

ENDS = datetime(2026, 1, 1, 12, tzinfo=UTC)
NONCE = "5e" * 16


def wanted(plan: Plan, **values: object) -> PlanToSign:
    return replace(PlanToSign("R-7K3F9Q", plan, NONCE, ENDS, afterwards=False), **values)


def with_steps(*steps: Step) -> Plan:
    return replace(DEPLOY, steps=steps)


def shell_step(command: Command, key: str = "do", title: str = "Do it") -> Step:
    return Step(key, title, Phase.CHANGE, ("web1",), Risk.CHANGES, 60, Shell(command, "/srv"))


@pytest.mark.parametrize("name", PLANS)
def test_every_plan_is_written_and_read_back(name: str) -> None:
    asked = wanted(PLANS[name])
    text = plan_text(asked)
    assert read_plan_text(text) == asked
    assert f"Plan          {plan_digest(asked.plan)}\n" in text
    assert all(letter == "\n" or " " <= letter <= "~" for letter in text)
    assert max(map(len, text.splitlines())) <= 140


def test_its_last_section_is_the_canonical_json_of_which_the_digest_is_taken() -> None:
    plan = PLANS["deploy sealed"]
    encoded = plan_text(wanted(plan)).split(" ==\n")[-1]
    data = base64.b64decode(encoded)
    assert hashlib.sha256(data).hexdigest() == plan_digest(plan)
    assert json.loads(data) == json.loads(canonical_text(plan_to_json(plan)))


def test_who_asks_for_what_where_and_until_when_is_at_its_head() -> None:
    head = plan_text(wanted(DEPLOY)).partition("\n== ")[0]
    for line in (
        "Target        compte production",
        "Requested by  U0AMELIE",
        "Run           R-7K3F9Q",
        f"Commit        {DEPLOY.sha}",
        "Backup        B-20251117-7K3F9Q",
        "Asked for     1 of releasers",
        "Approval      before the first change",
        "Ends          2026-01-01 12:00:00 UTC",
        f"Nonce         {NONCE}",
    ):
        assert f"\n{line}" in head


def test_two_hundred_steps_are_there_in_their_order_with_hosts_risks_and_commands() -> None:
    steps = tuple(shell_step(syntax(f"echo {number}"), f"step-{number}", f"Step {number}") for number in range(200))
    text = plan_text(wanted(with_steps(*steps)))
    places = [text.index(f"  {number + 1}. [changes] Step {number}\n     on: web1\n") for number in range(200)]
    assert places == sorted(places)
    assert all(f"| echo {number}\n" in text for number in range(200))
    assert read_plan_text(text).plan.steps == steps


def test_the_lines_of_a_command_cannot_pass_for_lines_of_the_plan() -> None:
    script = "echo a\n\n== Steps, in this order ==\n  1. [reads] Harmless\nTarget        compte staging"
    text = plan_text(wanted(with_steps(shell_step(syntax(script)))))
    lines = text.splitlines()
    assert "        1 | echo a" in lines
    assert "        3 | == Steps, in this order ==" in lines
    assert lines.count("== Steps, in this order ==") == 1
    assert sum(line.startswith("Target") for line in lines) == 1


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("plain 'quotes' \"and\" $vars", "plain 'quotes' \"and\" $vars"),
        ("a\\b \\n", "a\\b \\n"),
        ("caf\u00e9", "caf\\u{E9}"),
        ("cafe\u0301", "cafe\\u{301}"),
        ("\u0440\u0430ypal", "\\u{440}\\u{430}ypal"),  # Cyrillic letters that look like "pa"
        ("safe\u202etxt.exe", "safe\\u{202E}txt.exe"),
        ("\u2066isolated\u2069", "\\u{2066}isolated\\u{2069}"),
        ("no\u200bwidth\u00a0space\u3000", "no\\u{200B}width\\u{A0}space\\u{3000}"),
        ("two\nlines\r\n", "two\\u{A}lines\\u{D}\\u{A}"),
        ("\x1b[2Jgone\x07\x7f\x9b", "\\u{1B}[2Jgone\\u{7}\\u{7F}\\u{9B}"),
        ("\u2028line\u2029", "\\u{2028}line\\u{2029}"),
        ("\u27e6NAME\u27e7", "\\u{27E6}NAME\\u{27E7}"),
        ("\U000e0041tag \U0001f600", "\\u{E0041}tag \\u{1F600}"),
        ("\\u{41}", "\\u{5C}u{41}"),  # what looks like a mark is no mark
        ("ends in a space ", "ends in a space\\u{20}"),
    ],
)
def test_what_could_make_somebody_read_another_text_is_written_as_its_number(text: str, written: str) -> None:
    assert visible(text) == written
    assert original(written) == text


@given(st.text())
def test_what_is_written_is_printable_and_reads_back(text: str) -> None:
    written = visible(text)
    assert written.isascii()
    assert written.isprintable()
    assert not written.endswith(" ")
    assert original(written) == text


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=400))
def test_a_long_text_is_divided_where_everybody_sees_it(text: str) -> None:
    lines = wrapped(text)
    assert all(len(line) <= WIDTH and not line.endswith(" ") for line in lines)
    assert original("".join(lines)) == text


WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=60)


@given(title=WORDS, script=WORDS, word=WORDS, subject=WORDS, typed=WORDS, author=WORDS)
def test_whatever_is_in_a_plan_its_text_reads_back(
    title: str, script: str, word: str, subject: str, typed: str, author: str
) -> None:
    plan = replace(
        with_steps(shell_step(Command((*syntax(script).parts, Word(word))), title=title)),
        request=replace(DEPLOY.request, typed=typed),
        commits=(Commit("a" * 40, author, subject),),
        findings=FINDINGS,
    )
    text = plan_text(wanted(plan))
    assert all(letter == "\n" or " " <= letter <= "~" for letter in text)
    assert read_plan_text(text) == wanted(plan)


@given(st.data())
def test_no_text_but_the_whole_one_is_read(data: st.DataObject) -> None:
    text = plan_text(wanted(DEPLOY))
    place = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.sampled_from([letter for letter in "aZ0 ~\n=\u0430\u202e\r" if letter != text[place]]))
    way = data.draw(st.sampled_from(("replace", "insert", "delete", "cut")))
    changed = {
        "replace": text[:place] + other + text[place + 1 :],
        "insert": text[:place] + other + text[place:],
        "delete": text[:place] + text[place + 1 :],
        "cut": text[:place],
    }[way]
    with pytest.raises(PlanTextError):
        _differs(read_plan_text(changed), changed, text)


def _differs(read: PlanToSign, changed: str, text: str) -> None:
    """Refuse what was changed and still reads well, unless it is another whole text (such as a later end)."""
    assert plan_text(read) == changed
    if changed != text and read.plan == DEPLOY and read != wanted(DEPLOY):
        raise PlanTextError("another request for the same plan; its signature counts for that one alone")


def test_a_text_of_another_plan_with_this_ones_end_is_refused() -> None:
    other = replace(DEPLOY, steps=DEPLOY.steps[1:])
    head = plan_text(wanted(other)).partition("\n== The whole plan")[0]
    tail = plan_text(wanted(DEPLOY)).partition("\n== The whole plan")[2]
    with pytest.raises(PlanTextError, match=r"line \d+ is not what the plan says"):
        read_plan_text(f"{head}\n== The whole plan{tail}")


def test_steps_in_another_order_are_refused() -> None:
    steps = tuple(shell_step(syntax(f"echo {number}"), f"step-{number}") for number in range(2))
    text = plan_text(wanted(with_steps(*steps)))
    with pytest.raises(PlanTextError, match="is not what the plan says"):
        read_plan_text(text.replace("| echo 0", "| echo 2").replace("| echo 1", "| echo 0"))


def test_every_value_of_a_plan_changes_the_text() -> None:
    plan = replace(PLANS["deploy sealed"], undo=("one",), batches=Batches((("web1",), ("web2",)), ("checkout",), 10))
    emptied = {
        "requirement": replace(plan.requirement, count=plan.requirement.count + 1),
        "basis": type(plan.basis)({}),
        "request": replace(plan.request, typed="/deploy"),
        "sha": None,
        "commit_count": 3,
        "destructive": not plan.destructive,
        "batches": None,
    }
    for field in fields(plan):
        other = replace(plan, **{field.name: emptied.get(field.name, ())})
        without_digest = [
            [
                line
                for line in plan_text(wanted(each)).partition("\n== The whole plan")[0].splitlines()
                if "Plan  " not in line
            ]
            for each in (plan, other)
        ]
        if field.name != "destructive":  # it is shown as whether data may go, which findings say too
            assert without_digest[0] != without_digest[1], field.name


@pytest.mark.parametrize("change", [{"run": "R-000000"}, {"nonce": "00"}, {"afterwards": True}])
def test_a_signature_of_one_request_is_none_of_another(change: dict[str, object]) -> None:
    assert plan_text(wanted(DEPLOY, **change)) != plan_text(wanted(DEPLOY))
