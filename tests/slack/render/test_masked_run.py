"""Secrets are masked in every text of a snapshot, wherever it stands."""

from __future__ import annotations

from dataclasses import replace
from enum import Enum

import pytest

from bot.domain.runs.findings import BackupMade, SchemaChange, facts_of, finding_of
from bot.domain.secrets import Masker, Secret
from bot.slack.render.cards.run.masked_run import masked_finding, masked_run
from tests.slack.support.runs import PASSWORD, RUNS
from tests.support.every_finding import every_finding

MASKER = Masker((Secret(PASSWORD),))
SAID = f"before {PASSWORD} after"


@pytest.mark.parametrize("number", range(sum(1 for _ in every_finding(SAID))))
def test_every_text_of_every_finding_is_masked(number: int) -> None:
    found = tuple(every_finding(SAID))[number]
    masked = masked_finding(found, MASKER)
    assert PASSWORD not in str(masked)
    assert PASSWORD not in str(facts_of(masked))
    assert type(masked) is type(found)
    numbers_and_codes = {name: value for name, value in vars(found).items() if isinstance(value, Enum | int)}
    assert {name: getattr(masked, name) for name in numbers_and_codes} == numbers_and_codes


def test_what_another_version_noted_is_masked_too() -> None:
    read = finding_of("backup", {"backup": SAID, "bytes": "012", "of_tomorrow": SAID})
    assert isinstance(read, BackupMade)
    assert facts_of(masked_finding(read, MASKER)) == {
        "backup": "before *** after",
        "bytes": "012",
        "of_tomorrow": "before *** after",
    }


def test_a_secret_of_several_lines_is_masked_across_them() -> None:
    key = "-----BEGIN KEY-----\nMIIEpAIBAAKCAQEA7\n-----END KEY-----"
    change = SchemaChange("users", ("+ a", *key.split("\n"), "+ b"))
    masked = masked_finding(change, Masker((Secret(key),)))
    assert "MIIEpAIBAAKCAQEA7" not in str(masked)


def test_the_findings_of_a_run_are_masked() -> None:
    run = RUNS["awaiting_approval"]
    assert run.plan is not None
    found = replace(run, plan=replace(run.plan, findings=tuple(every_finding(SAID))))
    assert PASSWORD not in str(masked_run(found, MASKER).plan)
