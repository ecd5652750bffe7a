"""What `sudo -l` lists: whether a command is allowed, and without a password."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase

from bot.domain.targets.look import ServiceAct, SudoAnswer

_RULE = re.compile(r"^\s+\((?P<as>[^)]*)\)\s*(?P<commands>.*)$")
_TAG = re.compile(r"^((?:[A-Z_]+:\s*)*)(.*)$", re.DOTALL)
_ROOT = re.compile(r"(?:^|[\s,:])(?:root|ALL|#0)(?:$|[\s,:])")
_NO_QUESTION = re.compile(r"(?:^|[\s,])!authenticate\b")
_MAY_NOT_ASK = re.compile(r"\bexempt_group\b")
_PROGRAM = r"/(?:usr/)?bin/systemctl"


def judge(listing: str, act: ServiceAct) -> SudoAnswer:
    """Say whether an account may restart or reload a unit by sudo without a password.

    With sudo's default `listpw=any`, `sudo -n -l COMMAND` also ends with 0 where a password is asked for (sudoers(5));
    so the entry that matches is read. As in sudo, the last one counts.

    Args:
        listing: what `LC_ALL=C sudo -n -l` printed on standard output.
        act: on the unit.
    """
    head, found, rules = listing.partition("may run the following commands")
    if not found:
        return SudoAnswer.UNKNOWN
    answer = SudoAnswer.REFUSED
    for commands in _commands_as_root(rules):
        asks = True
        for command in re.split(r"(?<!\\),\s*", commands):
            tags, text = _parts(command.strip())
            if "NOPASSWD:" in tags:
                asks = False
            if "PASSWD:" in tags.replace("NOPASSWD:", ""):
                asks = True
            denied, text = text.startswith("!"), text.lstrip("!").strip()
            if _matches(text, act):
                answer = SudoAnswer.REFUSED if denied else SudoAnswer.ASKS if asks else SudoAnswer.ALLOWED
    if answer is SudoAnswer.ASKS and _NO_QUESTION.search(head):
        return SudoAnswer.ALLOWED
    return SudoAnswer.UNKNOWN if answer is SudoAnswer.ASKS and _MAY_NOT_ASK.search(head) else answer


def _commands_as_root(rules: str) -> list[str]:
    """Give the commands of each rule; a rule that is too long goes on in lines of its own."""
    found: list[str] = []
    for line in rules.splitlines():
        rule = _RULE.match(line)
        if rule is not None:
            found.append(rule["commands"] if _ROOT.search(rule["as"]) else "")
        elif found and line.startswith((" ", "\t")):
            found[-1] += f" {line.strip()}"
    return found


def _parts(command: str) -> tuple[str, str]:
    found = _TAG.match(command)
    return (found[1], found[2]) if found is not None else ("", command)


def _matches(text: str, act: ServiceAct) -> bool:
    if text == "ALL":
        return True
    program, _, arguments = text.replace("\\", "").partition(" ")
    if not re.fullmatch(_PROGRAM, program) and not fnmatchcase("/usr/bin/systemctl", program):
        return False
    return not arguments or fnmatchcase(f"{act.verb} {act.unit}", " ".join(arguments.split()))
