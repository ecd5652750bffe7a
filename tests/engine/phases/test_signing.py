"""Where the policy asks for signatures, nothing but one by a person's own key, of this very plan, approves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from sqlalchemy import update

from bot.domain.errors import Reason, RefusedError
from bot.domain.policies.people import ANYONE, People
from bot.domain.policies.policy import DESTRUCTIVE_MIGRATION, OVERRIDE, Policy, Requirement
from bot.domain.runs.approval import SIGNED_ALONE, GateState
from bot.domain.runs.request import Action, DeployOptions, PolicyExceptions
from bot.domain.runs.run import ENDS as ENDED
from bot.domain.runs.run import Run, RunState
from bot.domain.signatures.plan_text import text_to_sign
from bot.domain.signatures.signer_keys import SignerKey, Signers
from bot.store.schema import runs
from tests.engine.support.world import APPROVE, REJECT, SmallWorld
from tests.support.examples import GATE, POLICY, REQUEST
from tests.support.polling import eventually
from tests.support.signing import KeyFile, new_key

ENDS = (*ENDED, RunState.NEEDS_HUMAN)
SIGNED = replace(GATE, signed=True)


@dataclass
class Keys:
    """The keys of people."""

    bob: KeyFile
    eve: KeyFile
    amelie: KeyFile

    def signers(self, **changes: tuple[SignerKey, ...]) -> Signers:
        own = {"U0BOB": (self.bob.key,), "U0EVE": (self.eve.key,), "U0AMELIE": (self.amelie.key,)}
        return Signers(own | changes)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    folder = tmp_path_factory.mktemp("keys")
    return Keys(*(new_key(folder, name) for name in ("bob", "eve", "amelie")))


@pytest.fixture
def signed(world: SmallWorld, keys: Keys) -> SmallWorld:
    """A world whose deploys must be signed."""
    under(world, keys.signers())
    return world


def under(world: SmallWorld, signers: Signers, gate: Requirement = SIGNED, **rules: object) -> None:
    world.target = replace(world.target, policy=replace(POLICY, approve={"deploy": gate}, **rules))
    world.signers = signers
    world.new_engine()


async def opened(world: SmallWorld, event: str = "Ev1") -> Run:
    run = await world.submit(event)
    return await world.until(run, RunState.AWAITING_APPROVAL)


def text_of(world: SmallWorld, run: Run) -> str:
    text = text_to_sign(run, world.engine._context.masker)
    assert text is not None
    return text


async def refused(world: SmallWorld, run: Run, user: str, signature: str) -> Reason:
    with pytest.raises(RefusedError) as refusal:
        await world.engine.sign(run.id, user, signature)
    return refusal.value.problem.reason


async def judged(world: SmallWorld, run: str, found: Callable[[Run], bool]) -> Run:
    async def there() -> Run | None:
        world.engine.wake(run)
        read = await world.run(run)
        return read if found(read) else None

    return await eventually(there, 10)


def ignored(user: str, reason: str) -> Callable[[Run], bool]:
    return lambda run: any(vote.user == user and vote.reason == reason and not vote.counts for vote in run.votes)


async def test_an_emoji_alone_is_a_wish_and_the_signature_makes_it_an_approval(signed: SmallWorld, keys: Keys) -> None:
    run = await opened(signed)
    signed.people.said["U0BOB"] = APPROVE
    waiting = await judged(signed, run.id, ignored("U0BOB", "signature_missing"))
    assert waiting.state is RunState.AWAITING_APPROVAL
    signature = await signed.engine.sign(run.id, "U0BOB", keys.bob.sign(text_of(signed, run)))
    assert signature.key == keys.bob.key.line
    ended = await signed.until(run.id, *ENDS)
    assert ended.state is RunState.SUCCEEDED
    assert [(vote.user, vote.counts, vote.reason) for vote in ended.votes] == [("U0BOB", True, "")]
    assert ended.signatures == (signature,)
    assert (await signed.events(run.id)).count("signed") == 1


async def test_a_signature_is_an_approval_by_itself(signed: SmallWorld, keys: Keys) -> None:
    run = await opened(signed)
    await signed.engine.sign(run.id, "U0EVE", keys.eve.sign(text_of(signed, run)))
    ended = await signed.until(run.id, *ENDS)
    assert (ended.state, [vote.reason for vote in ended.votes]) == (RunState.SUCCEEDED, [SIGNED_ALONE])


async def test_whoever_rejects_needs_no_key(signed: SmallWorld, keys: Keys) -> None:
    signed.signers = keys.signers(U0EVE=())
    signed.new_engine()
    run = await opened(signed)
    signed.people.said["U0EVE"] = REJECT
    assert (await signed.until(run.id, *ENDS)).state is RunState.REJECTED


async def test_what_is_refused_and_why(signed: SmallWorld, keys: Keys) -> None:
    run = await opened(signed)
    text = text_of(signed, run)
    good = keys.bob.sign(text)
    other = replace(run, gate=replace(run.gate, nonce="00"))
    assert run.gate is not None
    for user, signature, why in (
        ("U0BOB", "looks good to me", Reason.SIGNATURE_NOT_READABLE),
        ("U0BOB", good[:-60], Reason.SIGNATURE_NOT_READABLE),
        ("U0BOB", keys.bob.sign(text, "git"), Reason.SIGNATURE_OTHER_NAMESPACE),
        ("U0BOB", keys.bob.sign(text.replace("production", "staging")), Reason.SIGNATURE_OTHER_TEXT),
        ("U0BOB", keys.bob.sign(text_of(signed, other)), Reason.SIGNATURE_OTHER_TEXT),
        ("U0BOB", keys.eve.sign(text), Reason.SIGNATURE_FOREIGN_KEY),
        ("U0EVE", good, Reason.SIGNATURE_FOREIGN_KEY),
        ("U0AMELIE", keys.amelie.sign(text), Reason.SIGNATURE_OF_REQUESTER),
        ("U0STRANGER", good, Reason.NOT_ALLOWED),
    ):
        assert await refused(signed, run, user, signature) is why
    assert (await signed.run(run.id)).signatures == ()
    assert (await signed.run(run.id)).state is RunState.AWAITING_APPROVAL
    assert (await signed.events(run.id)).count("refused") == 9


async def test_one_person_approves_once_however_often_they_sign(world: SmallWorld, keys: Keys) -> None:
    under(world, keys.signers(), replace(SIGNED, count=2))
    run = await opened(world)
    signature = keys.bob.sign(text_of(world, run))
    await world.engine.sign(run.id, "U0BOB", signature)
    assert await refused(world, await world.run(run.id), "U0BOB", signature) is Reason.SIGNATURE_TWICE
    await judged(world, run.id, lambda read: len(read.votes) == 1)
    assert (await world.run(run.id)).state is RunState.AWAITING_APPROVAL
    await world.engine.sign(run.id, "U0EVE", keys.eve.sign(text_of(world, run)))
    assert (await world.until(run.id, *ENDS)).state is RunState.SUCCEEDED


async def test_after_its_end_a_request_takes_no_signature(signed: SmallWorld, keys: Keys) -> None:
    run = await opened(signed)
    signature = keys.bob.sign(text_of(signed, run))
    signed.clock.pass_by(minutes=31)
    assert await refused(signed, run, "U0BOB", signature) is Reason.NOT_TO_BE_SIGNED
    assert (await signed.until(run.id, *ENDS)).state is RunState.EXPIRED
    assert await refused(signed, run, "U0BOB", signature) is Reason.NOT_TO_BE_SIGNED


async def test_where_no_signature_is_asked_for_none_is_taken(world: SmallWorld, keys: Keys) -> None:
    under(world, keys.signers(), GATE)
    run = await opened(world)
    assert await refused(world, run, "U0BOB", keys.bob.sign(text_of(world, run))) is Reason.NOT_TO_BE_SIGNED


async def test_a_retry_needs_a_signature_of_its_own(signed: SmallWorld, keys: Keys) -> None:
    first = await opened(signed)
    signature = keys.bob.sign(text_of(signed, first))
    signed.clock.pass_by(minutes=31)
    await signed.until(first.id, RunState.EXPIRED)
    again = await opened(signed, "Ev2")
    assert await refused(signed, again, "U0BOB", signature) is Reason.SIGNATURE_OTHER_TEXT


async def test_a_key_that_is_revoked_after_the_signature_counts_no_longer(signed: SmallWorld, keys: Keys) -> None:
    signed.target = replace(signed.target, policy=replace(POLICY, approve={"deploy": replace(SIGNED, count=2)}))
    signed.new_engine()
    run = await opened(signed)
    await signed.engine.sign(run.id, "U0BOB", keys.bob.sign(text_of(signed, run)))
    await judged(signed, run.id, lambda read: len(read.votes) == 1)
    await signed.engine.drain()
    signed.signers = keys.signers(U0BOB=())
    await signed.new_engine().start()
    signed.people.said["U0BOB"] = APPROVE
    await judged(signed, run.id, ignored("U0BOB", "signature_missing"))
    assert await refused(signed, run, "U0BOB", keys.bob.sign(text_of(signed, run))) is Reason.SIGNATURE_NO_KEY


async def test_signatures_are_checked_again_at_the_last_instant(signed: SmallWorld, keys: Keys) -> None:
    run = await opened(signed)
    verifier = signed.engine._context.signature_verifier
    asked: list[object] = []

    async def until_the_change(text: str, armour: object, user: str, at: object) -> object:
        asked.append(at)
        answer = await type(verifier).verify(verifier, text, armour, user, at)  # type: ignore[arg-type]
        if len(asked) == 2:  # taken, then judged: revoked between the approval and the change
            verifier._signers = Signers()
        return answer

    verifier.verify = until_the_change  # type: ignore[method-assign, assignment]
    await signed.engine.sign(run.id, "U0BOB", keys.bob.sign(text_of(signed, run)))
    ended = await signed.until(run.id, *ENDS)
    assert ended.gate is not None
    assert (ended.state, ended.gate.state) == (RunState.FAILED, GateState.VOID)
    assert not {"maintenance-on", "checkout", "migrate"} & {key for key, _, _ in signed.hosts.ledger}


async def test_a_plan_that_was_changed_in_the_store_is_not_the_one_that_was_signed(
    world: SmallWorld, keys: Keys
) -> None:
    under(world, keys.signers(), replace(SIGNED, count=2))
    run = await opened(world)
    await world.engine.sign(run.id, "U0BOB", keys.bob.sign(text_of(world, run)))
    await judged(world, run.id, lambda read: len(read.votes) == 1)
    await world.engine.drain()
    stored = await world.store._database.read(lambda c: c.execute(runs.select()).mappings().one()["plan"])
    harmful = stored.replace("git merge", "git reset --hard", 1) if "git merge" in stored else None
    assert harmful is not None
    await world.store._database.write(lambda c: c.execute(update(runs).values(plan=harmful)))
    await world.new_engine().start()
    await judged(world, run.id, lambda read: not read.votes)
    await world.store._database.write(lambda c: c.execute(update(runs).values(plan=stored)))
    await judged(world, run.id, lambda read: len(read.votes) == 1)


async def test_an_emoji_that_is_taken_back_takes_the_signature_with_it_for_good(world: SmallWorld, keys: Keys) -> None:
    under(world, keys.signers(), replace(SIGNED, count=2))
    run = await opened(world)
    world.people.said["U0BOB"] = APPROVE
    await world.engine.sign(run.id, "U0BOB", keys.bob.sign(text_of(world, run)))
    await judged(world, run.id, lambda read: any(vote.counts for vote in read.votes))
    del world.people.said["U0BOB"]
    await judged(world, run.id, ignored("U0BOB", "taken_back"))
    await world.engine.sign(run.id, "U0EVE", keys.eve.sign(text_of(world, run)))
    world.people.said["U0BOB"] = APPROVE  # as whoever controls Slack could
    await judged(world, run.id, lambda read: sum(vote.counts for vote in read.votes) == 1)
    waiting = await judged(world, run.id, ignored("U0BOB", "taken_back"))
    assert waiting.state is RunState.AWAITING_APPROVAL


async def test_signatures_survive_a_restart(world: SmallWorld, keys: Keys) -> None:
    under(world, keys.signers(), replace(SIGNED, count=2))
    run = await opened(world)
    await world.engine.sign(run.id, "U0BOB", keys.bob.sign(text_of(world, run)))
    await world.engine.drain()
    await world.new_engine().start()
    await world.engine.sign(run.id, "U0EVE", keys.eve.sign(text_of(world, run)))
    assert (await world.until(run.id, *ENDS)).state is RunState.SUCCEEDED


async def test_a_policy_that_asks_for_signatures_since_holds_an_open_request(world: SmallWorld, keys: Keys) -> None:
    under(world, keys.signers(), GATE)
    run = await opened(world)
    await world.engine.drain()
    world.target = replace(world.target, policy=replace(POLICY, approve={"deploy": SIGNED}))
    await world.new_engine().start()
    world.people.said["U0BOB"] = APPROVE
    waiting = await judged(world, run.id, ignored("U0BOB", "signature_missing"))
    assert waiting.gate is not None
    assert waiting.gate.requirement.signed
    await world.engine.sign(run.id, "U0BOB", keys.bob.sign(text_of(world, waiting)))
    assert (await world.until(run.id, *ENDS)).state is RunState.SUCCEEDED


async def test_an_emergency_is_countersigned_afterwards_by_a_signature(world: SmallWorld, keys: Keys) -> None:
    under(world, keys.signers(), emergency=ANYONE)
    options = DeployOptions("main", exceptions=PolicyExceptions(emergency="fire"))
    name = await world.submit(options=options)
    ended = await world.until(name, *ENDS)
    assert ended.state is RunState.SUCCEEDED
    world.people.said["U0BOB"] = APPROVE

    async def look(found: Callable[[Run], bool]) -> Run:
        async def there() -> Run | None:
            world.engine.wake(name)
            await world.engine.supervisor.sweep()
            read = await world.run(name)
            return read if found(read) else None

        return await eventually(there, 10)

    waiting = await look(ignored("U0BOB", "signature_missing"))
    assert waiting.gate is not None
    assert waiting.gate.state is GateState.OPEN
    world.clock.pass_by(days=2)  # it is overdue, and still wanted
    await world.engine.sign(name, "U0BOB", keys.bob.sign(text_of(world, waiting)))
    await look(lambda run: run.gate is not None and run.gate.state is GateState.APPROVED)


SOME = People(("dbas",), frozenset({"U0DBA"}))
OTHER = Requirement(2, SOME, timedelta(minutes=5), allow_requester=False)


@pytest.mark.parametrize("key", [DESTRUCTIVE_MIGRATION, OVERRIDE])
def test_what_replaces_a_signed_requirement_is_signed(key: str) -> None:
    policy = Policy("production", approve={"deploy": SIGNED, key: OTHER})
    exceptions = PolicyExceptions(during_freeze="now") if key == OVERRIDE else PolicyExceptions()
    request = replace(REQUEST, options=DeployOptions("main", exceptions=exceptions))
    asked = policy.gate(request, destructive=key == DESTRUCTIVE_MIGRATION)
    assert asked == replace(OTHER, signed=True)
    assert policy.requirement(Action.ROLLBACK, destructive=True).signed is False


@pytest.mark.parametrize("mine", [True, False])
@pytest.mark.parametrize("other", [True, False])
def test_only_a_signed_requirement_implies_a_signed_one(mine: bool, other: bool) -> None:
    one, two = replace(GATE, signed=mine), replace(GATE, signed=other)
    assert one.implies(two) is (mine or not other)
    assert one.and_also(two).asks_for_signatures is (mine or other)
