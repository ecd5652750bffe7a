"""Which signatures count: by real keys, and as `ssh-keygen` says."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.domain.signatures.signature import Armour, SignatureProblem, read_armour
from bot.domain.signatures.signer_keys import SignerKey, Signers
from bot.signatures import ssh_keygen
from bot.signatures.verifier import SignatureVerifier
from tests.support.signing import KeyFile, SoftwareToken, new_key

TEXT = "COUNTERSIGN PLAN 1\n\nTarget        compte production\n"
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


def read(armour: str) -> Armour:
    found = read_armour(armour)
    assert found is not None
    return found


async def verdict(
    keys: Mapping[str, tuple[SignerKey, ...]],
    armour: str,
    text: str = TEXT,
    user: str = "U0BOB",
    file: str | None = None,
) -> SignerKey | SignatureProblem:
    return await SignatureVerifier(Signers(keys, file)).verify(text, read(armour), user, NOW)


@pytest.mark.parametrize("kind", ["ed25519", "rsa", "ecdsa"])
async def test_a_signature_by_a_key_file_counts_for_its_owner_and_its_text_alone(tmp_path: Path, kind: str) -> None:
    bob, eve = new_key(tmp_path, "bob", kind), new_key(tmp_path, "eve")
    keys = {"U0BOB": (bob.key,), "U0EVE": (eve.key,)}
    signed = bob.sign(TEXT)
    assert await verdict(keys, signed) == bob.key
    assert await verdict(keys, signed, TEXT + "\n") is SignatureProblem.OTHER_TEXT
    assert await verdict(keys, signed, TEXT.replace("production", "staging")) is SignatureProblem.OTHER_TEXT
    assert await verdict(keys, signed, user="U0EVE") is SignatureProblem.FOREIGN_KEY
    assert await verdict(keys, signed, user="U0NOOR") is SignatureProblem.NO_KEY
    assert await verdict(keys, bob.sign(TEXT, "git")) is SignatureProblem.OTHER_NAMESPACE
    assert await verdict(keys, bob.sign(TEXT, "file")) is SignatureProblem.OTHER_NAMESPACE


async def test_a_signature_by_a_security_key_counts() -> None:
    token = SoftwareToken()
    keys = {"U0BOB": (token.key,)}
    assert await verdict(keys, token.sign(TEXT)) == token.key
    assert await verdict(keys, token.sign("another text")) is SignatureProblem.OTHER_TEXT


async def test_a_key_counts_in_its_time_alone(tmp_path: Path) -> None:
    bob = new_key(tmp_path)
    signed = bob.sign(TEXT)
    key = bob.key
    ended = SignerKey(key.type, key.data, valid_before=NOW)
    later = SignerKey(key.type, key.data, valid_after=NOW + timedelta(seconds=1))
    for other in (ended, later):
        assert await verdict({"U0BOB": (other,)}, signed) is SignatureProblem.KEY_NOT_VALID
    assert await verdict({"U0BOB": (ended, key)}, signed) == key


async def test_a_key_that_is_taken_out_of_the_file_counts_no_longer(tmp_path: Path) -> None:
    bob, eve, file = new_key(tmp_path, "bob"), new_key(tmp_path, "eve"), tmp_path / "signers"
    verifier, signed = SignatureVerifier(Signers({}, str(file))), read(bob.sign(TEXT))
    file.write_text(f"U0BOB {bob.public}")
    assert await verifier.verify(TEXT, signed, "U0BOB", NOW) == bob.key
    file.write_text(f"U0BOB {eve.public}")
    assert await verifier.verify(TEXT, signed, "U0BOB", NOW) is SignatureProblem.FOREIGN_KEY
    file.write_text(f"U0BOB {bob.public}U0EVE {bob.public}")
    assert await verifier.verify(TEXT, signed, "U0BOB", NOW) is SignatureProblem.NO_KEY, "two have it"
    for content in ("U0BOB nonsense", f"* {bob.public}"):
        file.write_text(content)
        assert await verifier.verify(TEXT, signed, "U0BOB", NOW) is SignatureProblem.NOT_CHECKED
    file.unlink()
    assert await verifier.verify(TEXT, signed, "U0BOB", NOW) is SignatureProblem.NOT_CHECKED


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder in which programs are found."""
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


async def test_without_the_program_nothing_counts(tmp_path: Path, bob: KeyFile, signed: str, programs: Path) -> None:
    assert await verdict({"U0BOB": (bob.key,)}, signed) is SignatureProblem.NOT_CHECKED


async def test_a_program_that_hangs_is_ended_and_nothing_counts(
    bob: KeyFile, signed: str, programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hanging = programs / "ssh-keygen"
    noted = programs / "pid"
    hanging.write_text(f"#!/bin/sh\necho $$ > {noted}\nexec sleep 60\n")
    hanging.chmod(0o755)
    monkeypatch.setattr(ssh_keygen, "_SECONDS", 0.3)
    assert await verdict({"U0BOB": (bob.key,)}, signed) is SignatureProblem.NOT_CHECKED
    with pytest.raises(ProcessLookupError):
        os.kill(int(noted.read_text()), 0)


async def test_what_it_is_given_can_be_read_by_nobody_else_and_is_gone_afterwards(
    bob: KeyFile, signed: str, programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, places = programs / "seen", tmp_path / "places"
    places.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(places))
    looking = programs / "ssh-keygen"
    looking.write_text(
        f'#!/bin/sh\n/usr/bin/stat -c %a "${{8%/*}}" "$8" "${{10}}" > {seen}\ncat > /dev/null\nexit 255\n'
    )
    looking.chmod(0o755)
    assert await verdict({"U0BOB": (bob.key,)}, signed) is SignatureProblem.OTHER_TEXT
    assert seen.read_text().split() == ["700", "600", "600"]
    assert list(places.iterdir()) == []


async def test_many_are_checked_at_once(bob: KeyFile, signed: str) -> None:
    keys = {"U0BOB": (bob.key,)}
    found = await asyncio.gather(*(verdict(keys, signed, TEXT if even else "other") for even in [True, False] * 8))
    assert found == [bob.key, SignatureProblem.OTHER_TEXT] * 8


@pytest.fixture
def bob(tmp_path: Path) -> KeyFile:
    return new_key(tmp_path, "bob")


@pytest.fixture
def signed(bob: KeyFile) -> str:
    return bob.sign(TEXT)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text[:-30],
        lambda text: text.replace("BEGIN SSH SIGNATURE", "BEGIN PGP SIGNATURE"),
        lambda text: text + text,
        lambda text: "please approve\n" + text,
        lambda text: text.replace("U", "А", 1),  # a Cyrillic letter
        lambda text: text.replace("\n", "", 2),
        lambda text: text.replace("A", "", 1),
        lambda text: "x" * 20_000,
        lambda text: "",
    ],
)
def test_what_is_no_armour_is_not_read(signed: str, change) -> None:
    assert read_armour(change(signed)) is None


def test_the_same_signature_is_the_same_however_it_is_written(signed: str) -> None:
    body = "".join(signed.splitlines()[1:-1])
    narrow = "\r\n".join(body[start : start + 30] for start in range(0, len(body), 30))
    rewritten = f"\n\n  -----BEGIN SSH SIGNATURE-----  \r\n{narrow}\r\n-----END SSH SIGNATURE-----\r\n\n"
    assert read_armour(rewritten) == read_armour(signed)
