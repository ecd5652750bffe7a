"""Whoever has all of Slack (its tokens, its accounts, the thread, the forms), and no key, approves nothing."""

from __future__ import annotations

import asyncio
import base64
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.domain.errors import RefusedError
from bot.domain.runs.run import RunState
from bot.domain.signatures.plan_text import PlanToSign, plan_text
from bot.domain.signatures.signature import BEGIN, END, read_armour
from bot.domain.signatures.signer_keys import SignerKey, Signers
from bot.signatures.verifier import SignatureVerifier
from tests.domain.support.plan_samples import PLANS
from tests.engine.phases.test_signing import ENDS, SIGNED, Keys, opened, text_of, under
from tests.engine.support.world import APPROVE, small_world
from tests.support.signing import SoftwareToken, armoured, new_key

ATTEMPTS = 1000
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
WANTED = PlanToSign("R-7K3F9Q", PLANS["deploy sealed"], "5e" * 16, NOW + timedelta(minutes=30), afterwards=False)
TEXT = plan_text(WANTED)
BATCH = 16


@dataclass(frozen=True)
class Attempt:
    """What is handed in, by whose account, and when."""

    kind: str
    user: str
    armour: str
    at: datetime = NOW


def blob_of(armour: str) -> bytes:
    return base64.b64decode("".join(armour.splitlines()[1:-1]))


def field(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


def fields(blob: bytes) -> list[bytes]:
    """Give the fields of a signature: key, namespace, reserved, hash, signature."""
    place, found = 10, []
    while place < len(blob):
        length = int.from_bytes(blob[place : place + 4], "big")
        found.append(blob[place + 4 : place + 4 + length])
        place += 4 + length
    return found


def built(parts: list[bytes]) -> str:
    return armoured(b"SSHSIG" + (1).to_bytes(4, "big") + b"".join(map(field, parts)))


def other_texts() -> Iterator[str]:
    """Texts that a person could take for the true one, and texts of other requests."""
    lines = TEXT.split("\n")
    steps = [index for index, line in enumerate(lines) if ". [" in line]
    yield from (TEXT.replace("a", "\u0430", n).replace("\u0430", "a", n - 1) for n in (1, 3, 9))  # Cyrillic
    yield from (TEXT[:place] + "\u202e" + TEXT[place:] for place in (300, 900, 2000))
    yield from (TEXT[:place] + "\u200b" + TEXT[place:] for place in (400, 1500))
    for index in steps[:-1]:
        moved = lines.copy()
        moved[index], moved[steps[-1]] = moved[steps[-1]], moved[index]
        yield "\n".join(moved)
    yield from ("\n".join(lines[:index] + lines[index + 1 :]) for index in steps)
    yield from (TEXT + "\n", TEXT + " ", TEXT.rstrip("\n"), TEXT.replace("\n", "\r\n"), TEXT.upper(), "")
    yield TEXT.replace("[destroys]", "[reads]")
    yield plan_text(replace(WANTED, nonce="5f" * 16))
    yield plan_text(replace(WANTED, run="R-7K3F9R"))
    yield plan_text(replace(WANTED, expires_at=WANTED.expires_at + timedelta(days=1)))
    yield plan_text(replace(WANTED, afterwards=True))
    yield from (plan_text(replace(WANTED, plan=plan)) for name, plan in PLANS.items() if name != "deploy sealed")
    # the head of a harmless plan before the end of the true one
    other = plan_text(replace(WANTED, plan=PLANS["backup"]))
    yield other.partition("\n== The whole plan")[0] + "\n== The whole plan" + TEXT.partition("\n== The whole plan")[2]


class Attacker:
    """Has whatever was ever signed and posted, keys of their own, and every account; not the keys of people.

    Args:
        folder: for keys.
    """

    def __init__(self, folder: Path) -> None:
        self.bob = new_key(folder, "bob")
        self.eve = new_key(folder, "eve", "rsa")
        self.old = new_key(folder, "old", "ecdsa")
        self.own = [new_key(folder, "mallory", kind) for kind in ("ed25519", "rsa", "ecdsa")]
        self.token = SoftwareToken()
        old = self.old.key
        self.signers = Signers(
            {
                "U0BOB": (
                    self.bob.key,
                    SignerKey(old.type, old.data, NOW - timedelta(days=30), NOW - timedelta(seconds=1)),
                ),
                "U0EVE": (self.eve.key,),
            }
        )
        self.random = random.Random(19)
        self.true = {key: key.sign(TEXT) for key in (self.bob, self.eve, self.old, *self.own)}
        self.of_others = [key.sign(text) for key in (self.bob, self.eve) for text in other_texts()]
        self.elsewhere = [self.bob.sign(TEXT, name) for name in ("git", "file", "countersig", "countersign ", "x")]

    def attempts(self) -> Iterator[Attempt]:
        ways: tuple[Callable[[], Attempt], ...] = (
            self.forged,
            self.replayed,
            self.spliced,
            self.renamed,
            self.broken,
            self.truncated,
            self.handed_in_by_another,
            self.out_of_time,
        )
        for number in range(ATTEMPTS):
            yield ways[number % len(ways)]()

    def user(self) -> str:
        return self.random.choice(("U0BOB", "U0EVE", "U0MALLORY", "U0AMELIE"))

    def forged(self) -> Attempt:
        own = self.random.choice(self.own)
        armour = self.random.choice((self.true[own], self.token.sign(TEXT)))
        return Attempt("forged", self.user(), armour)

    def replayed(self) -> Attempt:
        return Attempt("replayed", self.user(), self.random.choice(self.of_others))

    def spliced(self) -> Attempt:
        """The key of one signature, the signature of another, the hash of a third."""
        one, two = self.random.choice(self.of_others), self.random.choice([*self.of_others, *self.elsewhere])
        mine = fields(blob_of(self.true[self.random.choice(self.own)]))
        honest, other = fields(blob_of(one)), fields(blob_of(two))
        hashed = self.random.choice((b"sha256", b"sha512", b"md5", b""))
        parts = self.random.choice(
            (
                [honest[0], b"countersign", b"", mine[3], mine[4]],
                [fields(blob_of(self.true[self.bob]))[0], b"countersign", b"", mine[3], other[4]],
                [mine[0], b"countersign", b"", honest[3], fields(blob_of(self.true[self.bob]))[4]],
                [honest[0], b"countersign", b"", hashed, honest[4]],
            )
        )
        return Attempt("spliced", self.user(), built(parts))

    def renamed(self) -> Attempt:
        """Made for something else, and relabelled."""
        parts = fields(blob_of(self.random.choice(self.elsewhere)))
        parts[1] = self.random.choice((b"countersign", parts[1], b"countersign\0", b"COUNTERSIGN"))
        return Attempt("renamed", self.user(), built(parts))

    def broken(self) -> Attempt:
        """A true signature with a bit turned within the key or the signature, or another type written into it."""
        parts = fields(blob_of(self.true[self.random.choice((self.bob, self.eve))]))
        which = self.random.choice((0, 4))
        data = bytearray(parts[which])
        place = self.random.randrange(len(data) - 30, len(data))
        data[place] ^= 1 << self.random.randrange(8)
        parts[which] = bytes(data)
        if self.random.random() < 0.3:
            kind = self.random.choice((b"ssh-ed25519", b"ssh-dss", b"ssh-rsa", b"rsa-sha2-256", b"none"))
            parts[4] = field(kind) + parts[4][4 + int.from_bytes(parts[4][:4], "big") :]
        return Attempt("broken", self.user(), built(parts))

    def truncated(self) -> Attempt:
        armour = self.true[self.bob]
        place = self.random.randrange(1, len(armour) - 2)
        blob = blob_of(armour)
        cut = self.random.choice(
            (
                armour[:place],
                armour[place:],
                armour[: place // 2] + armour[place:],
                armoured(blob[: self.random.randrange(len(blob))]),
                armoured(blob + b"\0" * self.random.randrange(1, 9)),
                f"{BEGIN}\n{END}",
                armour + armour,
                f"approve please\n{armour}",
            )
        )
        return Attempt("truncated", self.random.choice(("U0BOB", "U0EVE")), cut)

    def handed_in_by_another(self) -> Attempt:
        key, users = self.random.choice(
            ((self.bob, ("U0EVE", "U0MALLORY", "U0AMELIE")), (self.eve, ("U0BOB", "U0MALLORY", "U0AMELIE")))
        )
        return Attempt("by another", self.random.choice(users), self.true[key])

    def out_of_time(self) -> Attempt:
        outside = self.random.choice((timedelta(seconds=-1), timedelta(days=-365), timedelta(days=31)))
        at = NOW - outside if outside.days <= 0 else NOW - timedelta(days=31)
        return Attempt("out of time", "U0BOB", self.true[self.old], at)


async def approves(verifier: SignatureVerifier, attempt: Attempt) -> bool:
    armour = read_armour(attempt.armour)
    if armour is None:
        return False
    return isinstance(await verifier.verify(TEXT, armour, attempt.user, attempt.at), SignerKey)


async def test_no_attempt_of_a_thousand_approves_and_honest_ones_do(tmp_path: Path) -> None:
    attacker = await asyncio.to_thread(Attacker, tmp_path)
    verifier = SignatureVerifier(attacker.signers)
    attempts = list(attacker.attempts())
    assert len(attempts) == ATTEMPTS
    assert set(Counter(attempt.kind for attempt in attempts).values()) == {ATTEMPTS // 8}
    passed: list[Attempt] = []
    for start in range(0, ATTEMPTS, BATCH):
        batch = attempts[start : start + BATCH]
        found = await asyncio.gather(*(approves(verifier, attempt) for attempt in batch))
        passed += [attempt for attempt, approved in zip(batch, found, strict=True) if approved]
    assert passed == []
    honest = (
        Attempt("honest", "U0BOB", attacker.true[attacker.bob]),
        Attempt("honest", "U0EVE", attacker.true[attacker.eve]),
        Attempt("honest", "U0BOB", attacker.true[attacker.old], NOW - timedelta(days=1)),
    )
    assert [await approves(verifier, attempt) for attempt in honest] == [True, True, True]


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return Keys(*(new_key(tmp_path, name) for name in ("bob", "eve", "amelie")))


async def test_every_account_reacts_and_hands_in_what_it_can_and_nothing_runs(tmp_path: Path, keys: Keys) -> None:
    mallory = await asyncio.to_thread(new_key, tmp_path, "mallory")
    async with small_world(tmp_path) as world:
        under(world, keys.signers(), replace(SIGNED, count=1))
        first = await opened(world, "Ev1")
        seen = keys.bob.sign(text_of(world, first))  # posted by Bob, and read by whoever has Slack
        world.clock.pass_by(minutes=31)
        await world.until(first.id, RunState.EXPIRED)
        run = await opened(world, "Ev2")
        world.people.said |= dict.fromkeys(("U0BOB", "U0EVE", "U0AMELIE"), APPROVE)
        text = text_of(world, run)
        refused = 0
        for user in ("U0BOB", "U0EVE", "U0AMELIE", "U0MALLORY"):
            for armour in (seen, mallory.sign(text), spliced(seen, mallory.sign(text)), seen[:80], "approve"):
                with pytest.raises(RefusedError):
                    await world.engine.sign(run.id, user, armour)
                refused += 1
        assert refused == 20
        waiting = await world.run(run.id)
        assert (waiting.state, waiting.signatures) == (RunState.AWAITING_APPROVAL, ())
        assert not {"maintenance-on", "checkout", "migrate"} & {key for key, _, _ in world.hosts.ledger}
        await world.engine.sign(run.id, "U0BOB", keys.bob.sign(text))
        assert (await world.until(run.id, *ENDS)).state is RunState.SUCCEEDED


def spliced(honest: str, forged: str) -> str:
    mine = fields(blob_of(forged))
    return built([fields(blob_of(honest))[0], *mine[1:]])
