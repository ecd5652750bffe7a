"""Plans as JSON and back: the form that is stored, and that the digest is taken of."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from bot.domain.backups.backup import Purpose
from bot.domain.names import Sha
from bot.domain.policies.policy import requirement_from_json
from bot.domain.runs.acts import (
    Act,
    AsRehearsed,
    Direction,
    Discard,
    DropCopy,
    DropOld,
    Dump,
    Health,
    Load,
    NothingPending,
    Preflight,
    Preview,
    Prove,
    Rehearse,
    Shell,
    Swap,
    Undone,
)
from bot.domain.runs.plan import Commit, Finding, OnFailure, Phase, Plan, Risk, Skipped, Step, digest
from bot.domain.runs.request_json import request_from_json, request_to_json
from bot.domain.shell import Command, Hidden, Part, Syntax, Word

FINDINGS = "findings"
"""The fact of a step of prepare that holds its findings, as text."""


def findings_to_text(findings: tuple[Finding, ...]) -> str:
    """Write findings as the fact `FINDINGS` of a step."""
    return json.dumps([{"kind": f.kind, "facts": dict(f.facts)} for f in findings], ensure_ascii=False)


def findings_of(facts: Mapping[str, str]) -> tuple[Finding, ...]:
    """Read the findings among the facts of a step; none where it has none.

    Raises:
        ValueError: the fact is not what `findings_to_text` wrote.
    """
    return tuple(Finding(f["kind"], dict(f["facts"])) for f in json.loads(facts.get(FINDINGS, "[]")))


def plan_digest(plan: Plan) -> str:
    """Give the digest of a plan: 64 hexadecimal digits."""
    return digest(plan_to_json(plan))


def plan_to_json(plan: Plan) -> dict[str, Any]:
    """Write a plan as plain data.

    Raises:
        TypeError: a command has a hidden part; secrets are never stored in plans.
    """
    return {
        "request": request_to_json(plan.request),
        "steps": [_step_to_json(step) for step in plan.steps],
        "requirement": plan.requirement.to_json(),
        "basis": dict(plan.basis),
        "sha": str(plan.sha) if plan.sha else None,
        "commits": [[c.sha, c.author, c.subject] for c in plan.commits],
        "commit_count": plan.commit_count,
        "pending": list(plan.pending),
        "undo": list(plan.undo),
        "skipped": [[s.key, s.title, s.why] for s in plan.skipped],
        "findings": [{"kind": f.kind, "facts": dict(f.facts)} for f in plan.findings],
        "destructive": plan.destructive,
    }


def plan_from_json(data: Mapping[str, Any]) -> Plan:
    """Read what `plan_to_json` wrote.

    Raises:
        KeyError: a value is missing.
        ValueError: a value is not of its kind.
    """
    return Plan(
        request=request_from_json(data["request"]),
        steps=tuple(_step_from_json(step) for step in data["steps"]),
        requirement=requirement_from_json(data["requirement"]),
        basis={str(k): str(v) for k, v in data["basis"].items()},
        sha=Sha(data["sha"]) if data["sha"] else None,
        commits=tuple(Commit(*commit) for commit in data["commits"]),
        commit_count=int(data["commit_count"]),
        pending=tuple(data["pending"]),
        undo=tuple(data["undo"]),
        skipped=tuple(Skipped(*skipped) for skipped in data["skipped"]),
        findings=tuple(Finding(f["kind"], dict(f["facts"])) for f in data["findings"]),
        destructive=bool(data["destructive"]),
    )


def command_to_json(command: Command) -> list[list[str]]:
    """Write a command as pairs of kind and text.

    Raises:
        TypeError: it has a hidden part.
    """
    return [_part_to_json(part) for part in command.parts]


def command_from_json(data: Sequence[Sequence[str]]) -> Command:
    """Read what `command_to_json` wrote.

    Raises:
        ValueError: a part is of no known kind.
    """
    return Command(tuple(_part_from_json(kind, text) for kind, text in data))


def _part_to_json(part: Part) -> list[str]:
    match part:
        case Word(text):
            return ["word", text]
        case Syntax(text):
            return ["syntax", text]
        case Hidden():
            raise TypeError("a command with a hidden part is not stored")


def _part_from_json(kind: str, text: str) -> Part:
    if kind == "word":
        return Word(text)
    if kind == "syntax":
        return Syntax(text)
    raise ValueError(f"no part of a command is a {kind!r}")


def _step_to_json(step: Step) -> dict[str, Any]:
    return {
        "key": step.key,
        "title": step.title,
        "phase": step.phase.value,
        "hosts": list(step.hosts),
        "risk": step.risk.value,
        "timeout": step.timeout,
        "act": _act_to_json(step.act),
        "check": command_to_json(step.check) if step.check else None,
        "on_failure": step.on_failure.value,
        "undoes": step.undoes,
        "schema": step.schema,
    }


def _step_from_json(data: Mapping[str, Any]) -> Step:
    return Step(
        key=data["key"],
        title=data["title"],
        phase=Phase(data["phase"]),
        hosts=tuple(data["hosts"]),
        risk=Risk(data["risk"]),
        timeout=int(data["timeout"]),
        act=_act_from_json(data["act"]),
        check=command_from_json(data["check"]) if data["check"] is not None else None,
        on_failure=OnFailure(data["on_failure"]),
        undoes=data["undoes"],
        schema=bool(data["schema"]),
    )


def _act_to_json(act: Act) -> dict[str, Any]:
    match act:
        case Shell(command, directory, expects):
            return {
                "act": "shell",
                "command": command_to_json(command),
                "directory": directory,
                "expects": expects,
            }
        case Dump(backup, tables, purpose):
            return {"act": "dump", "backup": backup, "tables": list(tables), "purpose": purpose.value}
        case Prove(backup, scratch):
            return {"act": "prove", "backup": backup, "scratch": scratch}
        case Discard(backups):
            return {"act": "discard", "backups": list(backups)}
        case Load(backup, sha256, fresh):
            return {"act": "load", "backup": backup, "sha256": sha256, "fresh": fresh}
        case Swap(backup, fresh, old):
            return {"act": "swap", "backup": backup, "fresh": fresh, "old": old}
        case DropOld(database, tables):
            return {"act": "drop_old", "database": database, "tables": tables}
        case DropCopy(database):
            return {"act": "drop_copy", "database": database}
        case Preflight(needs, tools):
            return {"act": "preflight", "needs": needs, "tools": list(tools)}
        case Health(url, tries):
            return {"act": "health", "url": url, "tries": tries}
        case NothingPending(names):
            return {"act": "nothing_pending", "names": list(names)}
        case Undone(names):
            return {"act": "undone", "names": list(names)}
        case Preview(sha, migrations, telling, scratch):
            asked = {"sha": sha, "migrations": list(migrations), "telling": command_to_json(telling)}
            return {"act": "preview", "scratch": scratch, **asked}
        case Rehearse():
            return _rehearse_to_json(act)
        case AsRehearsed(expected):
            return {"act": "as_rehearsed", "expected": dict(expected)}


def _act_from_json(data: Mapping[str, Any]) -> Act:
    match data["act"]:
        case "shell":
            return Shell(command_from_json(data["command"]), data["directory"], data["expects"])
        case "dump":
            return Dump(data["backup"], tuple(data["tables"]), Purpose(data["purpose"]))
        case "prove":
            return Prove(data["backup"], data["scratch"])
        case "discard":
            return Discard(tuple(data["backups"]))
        case "load":
            return Load(data["backup"], data["sha256"], data["fresh"])
        case "swap":
            return Swap(data["backup"], data["fresh"], data["old"])
        case "drop_old":
            return DropOld(data["database"], int(data["tables"]))
        case "drop_copy":
            return DropCopy(data["database"])
        case "preflight":
            return Preflight(int(data["needs"]), tuple(data["tools"]))
        case "health":
            return Health(data["url"], int(data["tries"]))
        case "nothing_pending":
            return NothingPending(tuple(data["names"]))
        case "undone":
            return Undone(tuple(data["names"]))
        case "preview":
            telling = command_from_json(data["telling"])
            return Preview(data["sha"], tuple(data["migrations"]), telling, data["scratch"])
        case "rehearse":
            return _rehearse_from_json(data)
        case "as_rehearsed":
            return AsRehearsed({str(table): str(after) for table, after in data["expected"].items()})
        case other:
            raise ValueError(f"no step does a {other!r}")


def _rehearse_to_json(act: Rehearse) -> dict[str, Any]:
    return {
        "act": "rehearse",
        "sha": act.sha,
        "migrations": list(act.migrations),
        "directory": act.directory,
        "suffix": act.suffix,
        "table": act.table,
        "scratch": act.scratch,
        "setup": command_to_json(act.setup),
        "probe": command_to_json(act.probe),
        "pretend": command_to_json(act.pretend),
        "apply": command_to_json(act.apply),
        "environment": [list(pair) for pair in act.environment],
        "other_connection": act.other_connection,
        "backup": act.backup,
        "direction": act.direction.value,
    }


def _rehearse_from_json(data: Mapping[str, Any]) -> Rehearse:
    return Rehearse(
        sha=data["sha"],
        migrations=tuple(data["migrations"]),
        directory=data["directory"],
        suffix=data["suffix"],
        table=data["table"],
        scratch=data["scratch"],
        setup=command_from_json(data["setup"]),
        probe=command_from_json(data["probe"]),
        pretend=command_from_json(data["pretend"]),
        apply=command_from_json(data["apply"]),
        environment=tuple((str(name), str(template)) for name, template in data["environment"]),
        other_connection=data["other_connection"],
        backup=data.get("backup"),
        direction=Direction(data.get("direction", Direction.UP.value)),
    )
