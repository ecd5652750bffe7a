"""What the doctor says where a policy asks for signatures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bot.console.doctor_checks.check_result import CheckStatus
from bot.console.doctor_checks.signatures import check_signatures
from bot.domain.policies.people import ANYONE, People
from bot.domain.policies.policy import Policy
from bot.domain.signatures.signer_keys import Signers
from bot.domain.targets.target import Operations
from tests.support.examples import GATE, NAME, OPERATIONS, TARGET
from tests.support.signing import new_key

BOB = People(("releasers",), frozenset({"U0BOB"}))
SIGNED = replace(GATE, eligible=BOB, signed=True)
ALL = {"deploy": SIGNED, "rollback": SIGNED, "restore": SIGNED}


def operations(signers: Signers, **rules: object) -> Operations:
    policy = Policy("production", **{"approve": ALL, **rules})
    return replace(OPERATIONS, targets={NAME: replace(TARGET, policy=policy)}, signers=signers)


async def said(found: Operations) -> list[str]:
    return [f"{each.status} {each.detail}" for each in await check_signatures(found)]


@pytest.fixture
def bob(tmp_path: Path) -> Signers:
    return Signers({"U0BOB": (new_key(tmp_path).key,)})


async def test_where_none_are_asked_for_nothing_is_said(bob: Signers) -> None:
    assert await said(operations(bob, approve={"deploy": GATE})) == []


async def test_all_is_well(bob: Signers) -> None:
    assert await said(operations(bob)) == ["ok ssh-keygen checks them"]


async def test_without_the_program_no_signature_counts(bob: Signers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    (only,) = await check_signatures(operations(bob))
    assert (only.status, "install OpenSSH's client" in only.detail) == (CheckStatus.FAIL, True)


async def test_a_file_of_signers_that_is_gone(tmp_path: Path, bob: Signers) -> None:
    found = await said(operations(replace(bob, file=str(tmp_path / "gone"))))
    assert any(line.startswith("FAIL") and "no signature counts" in line for line in found)


async def test_too_few_have_a_key(bob: Signers) -> None:
    two = replace(SIGNED, count=2, eligible=People(("releasers",), frozenset({"U0BOB", "U0EVE"})))
    found = await said(operations(bob, approve={**ALL, "deploy": two}))
    assert "FAIL policy production: deploy needs 2, and only 1 of those who may approve it have a key" in found


async def test_what_a_stolen_slack_can_do_all_the_same(bob: Signers) -> None:
    found = await said(operations(bob, approve={"deploy": SIGNED}, emergency=ANYONE))
    assert found[1:] == [
        "warn policy production asks for none for rollback, restore, --emergency: whoever has Slack can do that"
    ]
