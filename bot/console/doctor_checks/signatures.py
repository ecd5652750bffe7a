"""Whether signatures can be checked and given where a policy asks for them, and what a stolen Slack can do."""

from __future__ import annotations

import asyncio
from pathlib import Path

from bot.console.doctor_checks.check_result import CheckResult, fail, ok, warn
from bot.domain.policies.policy import Policy, Requirement
from bot.domain.runs.request import Action
from bot.domain.signatures.signer_keys import read_allowed_signers, read_key
from bot.domain.targets.target import Operations
from bot.signatures.ssh_keygen import NotCheckedError, is_signature

_TEXT = "countersign doctor\n"
_KEY = read_key("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILWTEsHBMi5zPAHoBWpUJQEWXxfHhatOf1ipWqzedblf")
_SIGNATURE = (
    "-----BEGIN SSH SIGNATURE-----\n"
    "U1NIU0lHAAAAAQAAADMAAAALc3NoLWVkMjU1MTkAAAAgtZMSwcEyLnM8AegFalQlARZfF8\n"
    "eFq05/WKlarN51uV8AAAALY291bnRlcnNpZ24AAAAAAAAABnNoYTUxMgAAAFMAAAALc3No\n"
    "LWVkMjU1MTkAAABA/J3c61LEx8oCkxkjeehuDUTJCfZdS2ViZbVnl3v/fAhRyKqTy1g7Yg\n"
    "/Q5EjpiAZ9Djd9b0oSMRg/Y/98y/uFCg==\n"
    "-----END SSH SIGNATURE-----\n"
)
"""Of a key that was thrown away: whether `ssh-keygen` takes it, and refuses it for another text."""

_WHAT = "signatures"
_GATED = (Action.DEPLOY, Action.ROLLBACK, Action.RESTORE)


async def check_signatures(operations: Operations) -> tuple[CheckResult, ...]:
    """Check what signatures need; no results where no policy asks for them.

    Args:
        operations: the operations file.
    """
    policies = {target.policy.name: target.policy for target in operations.targets.values()}
    signed = {name: policy for name, policy in policies.items() if _signs(policy)}
    if not signed:
        return ()
    people: set[str] = set(operations.signers.keys)
    found = [await _program()]
    if operations.signers.file is not None:
        try:
            text = await asyncio.to_thread(Path(operations.signers.file).read_text, encoding="utf-8")
            people |= read_allowed_signers(text).keys()
        except (OSError, ValueError) as error:
            found.append(fail(_WHAT, f"{operations.signers.file} cannot be used ({error}): no signature counts"))
    for name, policy in signed.items():
        found += _too_few(name, policy, people)
        found += _left_open(name, policy)
    return tuple(found)


async def _program() -> CheckResult:
    try:
        takes = await is_signature(_TEXT, _SIGNATURE, _KEY, "U0DOCTOR")
        takes_any = await is_signature(f"{_TEXT}\n", _SIGNATURE, _KEY, "U0DOCTOR")
    except NotCheckedError as error:
        return fail(_WHAT, f"{error}: install OpenSSH's client here, or no signature counts")
    if not takes or takes_any:
        return fail(_WHAT, "ssh-keygen does not check signatures - it needs OpenSSH 8.2 or later")
    return ok(_WHAT, "ssh-keygen checks them")


def _signs(policy: Policy) -> bool:
    return any(asked.signed for asked in policy.approve.values())


def _too_few(name: str, policy: Policy, people: set[str]) -> list[CheckResult]:
    """Find requests that could never be approved, as too few of those who may have a key."""
    return [
        fail(_WHAT, f"policy {name}: {key} needs {asked.count}, and only {able} of those who may approve it have a key")
        for key, asked in policy.approve.items()
        if asked.signed and (able := _able(asked, people)) is not None and able < asked.count
    ]


def _able(asked: Requirement, people: set[str]) -> int | None:
    open_ended = asked.eligible.anyone or asked.eligible.groups
    return None if open_ended else len(asked.eligible.users & people)


def _left_open(name: str, policy: Policy) -> list[CheckResult]:
    unsigned = [action.value for action in _GATED if not policy.requirement(action).asks_for_signatures]
    unsigned += ["--emergency"] if policy.emergency is not None else []
    if not unsigned:
        return []
    return [warn(_WHAT, f"policy {name} asks for none for {', '.join(unsigned)}: whoever has Slack can do that")]
