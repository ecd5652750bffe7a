"""Judging the reactions on a request to approve: whose count, whose do not and why, and what they decide."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from bot.domain.policies.people import Membership, Roster, membership
from bot.domain.policies.policy import Requirement
from bot.domain.targets.target import Emoji


class GateState(StrEnum):
    """State of a request to approve."""

    OPEN = "open"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"
    VOID = "void"


class Ignored(StrEnum):
    """Why a reaction does not count."""

    IS_REQUESTER = "is_requester"
    NOT_ELIGIBLE = "not_eligible"
    NOT_A_MEMBER = "not_a_member"
    LOOKUP_FAILED = "lookup_failed"
    CONTRADICTS_ITSELF = "contradicts_itself"
    SIGNATURE_MISSING = "signature_missing"
    TAKEN_BACK = "taken_back"


SIGNED_ALONE = "signed_alone"
"""In place of a reason, of an approval that counts by its signature, without a reaction."""


@dataclass(frozen=True)
class SignedBy:
    """Who signed the plan.

    Args:
        users: whose signature holds now.
        taken_back: those who approved by a signature and a reaction, and took the reaction back since. For good: else
            whoever controls Slack could put it back.
    """

    users: frozenset[str] = frozenset()
    taken_back: frozenset[str] = frozenset()


NOBODY_SIGNED = SignedBy()


@dataclass(frozen=True)
class Judgement:
    """The result of judging reactions.

    Args:
        state: `open`, `approved` or `rejected`.
        approvers: users whose approval counts, sorted.
        rejecters: users whose rejection counts, sorted.
        ignored: users whose reaction does not count, and why.
        signed_alone: approvers who did not react: their signature is their approval.
    """

    state: GateState
    approvers: tuple[str, ...]
    rejecters: tuple[str, ...]
    ignored: Mapping[str, Ignored]
    signed_alone: frozenset[str] = frozenset()


def judge(
    requirement: Requirement,
    requester: str,
    reactions: Mapping[str, frozenset[Emoji]],
    roster: Roster,
    signed: SignedBy = NOBODY_SIGNED,
) -> Judgement:
    """Judge the current reactions on a request to approve.

    Each part of a requirement is judged separately, and all must be satisfied. Where it asks for signatures, a
    signature is an approval, and a reaction without one is a wish; a rejection needs none.

    Args:
        requirement: of the gate.
        requester: Slack's ID of who requested the run.
        reactions: the meanings of each user's emoji, without the bot's own seed reactions.
        roster: memberships looked up just now.
        signed: by whom.

    Returns:
        Rejected as soon as one eligible person (or the requester, who may always withdraw) rejects; approved when
        enough different eligible people approve; open otherwise.
    """
    judged = _judge_part(requirement, requester, reactions, roster, signed)
    if requirement.also is None:
        return judged
    return _both(judged, judge(requirement.also, requester, reactions, roster, signed))


def _both(one: Judgement, other: Judgement) -> Judgement:
    states = {one.state, other.state}
    state = next((s for s in (GateState.REJECTED, GateState.OPEN) if s in states), GateState.APPROVED)
    return Judgement(
        state,
        tuple(sorted({*one.approvers, *other.approvers})),
        tuple(sorted({*one.rejecters, *other.rejecters})),
        {user: why for user, why in one.ignored.items() if user in other.ignored},
        one.signed_alone | other.signed_alone,
    )


def _judge_part(
    requirement: Requirement,
    requester: str,
    reactions: Mapping[str, frozenset[Emoji]],
    roster: Roster,
    signed: SignedBy,
) -> Judgement:
    approvers: list[str] = []
    rejecters: list[str] = []
    ignored: dict[str, Ignored] = {}
    signers = signed.users if requirement.signed else frozenset()
    for user in sorted(reactions.keys() | signers):
        meanings = reactions.get(user, frozenset())
        if not meanings and user not in signers:
            continue
        if Emoji.REJECT in meanings and user == requester and user not in roster.others:
            rejecters.append(user)
            continue
        reason = _why_ignored(requirement, requester, user, roster)
        if reason is not None:
            ignored[user] = reason
        elif len(meanings) > 1:
            ignored[user] = Ignored.CONTRADICTS_ITSELF
        elif Emoji.REJECT in meanings:
            rejecters.append(user)
        elif requirement.signed and user not in signers:
            ignored[user] = Ignored.SIGNATURE_MISSING
        elif requirement.signed and user in signed.taken_back:
            ignored[user] = Ignored.TAKEN_BACK
        else:
            approvers.append(user)
    if rejecters:
        state = GateState.REJECTED
    elif len(approvers) >= requirement.count:
        state = GateState.APPROVED
    else:
        state = GateState.OPEN
    alone = frozenset(user for user in approvers if not reactions.get(user))
    return Judgement(state, tuple(approvers), tuple(rejecters), ignored, alone)


def _why_ignored(requirement: Requirement, requester: str, user: str, roster: Roster) -> Ignored | None:
    if user in roster.others:
        return Ignored.NOT_A_MEMBER
    if user == requester and not requirement.allow_requester:
        return Ignored.IS_REQUESTER
    match membership(user, requirement.eligible, roster):
        case Membership.YES:
            return None
        case Membership.NO:
            return Ignored.NOT_ELIGIBLE
        case Membership.UNKNOWN:
            return Ignored.LOOKUP_FAILED
