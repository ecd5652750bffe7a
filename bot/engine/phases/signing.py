"""Signatures of a plan: taken from people, and checked again by today's keys whenever approvals are judged."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256

from bot.domain.errors import Reason, RefusedError, problem
from bot.domain.runs.approval import SIGNED_ALONE, GateState, Ignored, SignedBy, judge
from bot.domain.runs.run import Gate, Run
from bot.domain.signatures.plan_text import text_to_sign
from bot.domain.signatures.signature import Signature, SignatureProblem, read_armour
from bot.domain.signatures.signer_keys import SignerKey
from bot.domain.targets.target import Emoji
from bot.engine.context import EngineContext

_REASONS = {each: Reason(f"signature_{each.value}") for each in SignatureProblem}
_NOT_JUDGED = frozenset({None, Ignored.LOOKUP_FAILED})
"""A signature is kept where it counts, and where only Slack did not say who somebody is."""


async def take_signature(context: EngineContext, run: Run, user: str, text: str) -> Signature:
    """Check a signature that somebody handed in, and keep it. What it is worth is judged at the gate.

    Args:
        context: the engine's ports.
        run: whose plan is signed.
        user: Slack's ID of who handed it in; the key must be theirs.
        text: as they pasted it.

    Raises:
        RefusedError: it does not count; the problem says why.
    """
    gate = _require_open(context, run)
    armour = read_armour(text)
    if armour is None:
        raise RefusedError(problem(Reason.SIGNATURE_NOT_READABLE, run=run.id))
    await _require_approver(context, run, gate, user)
    wanted = text_to_sign(run, context.masker)
    if wanted is None:
        raise RefusedError(problem(Reason.PLAN_NOT_SIGNABLE))
    now = context.clock.now()
    key = await context.signature_verifier.verify(wanted, armour, user, now)
    if isinstance(key, SignatureProblem):
        raise RefusedError(problem(_REASONS[key], run=run.id, fingerprint=armour.fingerprint))
    signed = sha256(wanted.encode()).hexdigest()
    signature = Signature(user, gate.digest, armour.text, armour.sha256, key.line, signed, now)
    has_signed = any(known.user == user and known.digest == gate.digest for known in run.signatures)
    if has_signed and user in (await _holding(context, run, gate)):
        raise RefusedError(problem(Reason.SIGNATURE_TWICE, run=run.id))
    if not await context.runs.add_signature(run.id, signature):
        raise RefusedError(problem(Reason.SIGNATURE_TWICE, run=run.id))
    return signature


async def signed_by(
    context: EngineContext, run: Run, gate: Gate, reactions: Mapping[str, frozenset[Emoji]]
) -> SignedBy:
    """Give by whom the plan of a gate is signed now: each signature is checked again, by the keys of today.

    Args:
        context: the engine's ports.
        run: as it was read last; the text is made of the plan that it has.
        gate: what it asks for.
        reactions: that stand now.
    """
    if not gate.requirement.asks_for_signatures:
        return SignedBy()
    taken_back = frozenset(
        vote.user
        for vote in run.votes
        if vote.digest == gate.digest
        and vote.choice == Emoji.APPROVE
        and (vote.reason == Ignored.TAKEN_BACK or (vote.counts and _took_back(vote.user, vote.reason, reactions)))
    )
    return SignedBy(await _holding(context, run, gate), taken_back)


def _took_back(user: str, reason: str, reactions: Mapping[str, frozenset[Emoji]]) -> bool:
    return reason != SIGNED_ALONE and Emoji.APPROVE not in reactions.get(user, frozenset())


async def _holding(context: EngineContext, run: Run, gate: Gate) -> frozenset[str]:
    """Give whose signature holds now."""
    given = [signature for signature in run.signatures if signature.digest == gate.digest]
    wanted = text_to_sign(run, context.masker) if given else None
    if wanted is None:
        return frozenset()
    now = context.clock.now()
    checked = await asyncio.gather(*(_holds(context, signature, wanted, now) for signature in given))
    return frozenset(signature.user for signature, holds in zip(given, checked, strict=True) if holds)


async def _holds(context: EngineContext, signature: Signature, text: str, now: datetime) -> bool:
    armour = read_armour(signature.armour)
    if armour is None:
        return False
    found = await context.signature_verifier.verify(text, armour, signature.user, now)
    return isinstance(found, SignerKey)


def _require_open(context: EngineContext, run: Run) -> Gate:
    """Give the request to approve that a signature can be for.

    Raises:
        RefusedError: there is none.
    """
    gate = run.gate
    if gate is None or not gate.requirement.asks_for_signatures or gate.state is not GateState.OPEN:
        raise RefusedError(problem(Reason.NOT_TO_BE_SIGNED, run=run.id))
    if not gate.afterwards and (run.ended or context.clock.now() >= gate.expires_at):
        raise RefusedError(problem(Reason.NOT_TO_BE_SIGNED, run=run.id, until=gate.expires_at.isoformat()))
    return gate


async def _require_approver(context: EngineContext, run: Run, gate: Gate, user: str) -> None:
    """Make sure that somebody's approval could count.

    Raises:
        RefusedError: it cannot.
    """
    roster = await context.directory.roster(frozenset({user}), gate.requirement.people.groups)
    why = judge(gate.requirement, run.request.origin.user, {}, roster, SignedBy(frozenset({user}))).ignored.get(user)
    if why is Ignored.IS_REQUESTER:
        raise RefusedError(problem(Reason.SIGNATURE_OF_REQUESTER, run=run.id))
    if why not in _NOT_JUDGED:
        people = ", ".join(gate.requirement.people.names)
        raise RefusedError(problem(Reason.NOT_ALLOWED, action="sign this plan", people=people))
