"""The answers → the text of `ops.yaml` and of `.env`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator

from bot.setup.answers import Answers, DatabaseAnswer, HostAnswer

_PLAIN = re.compile(r"(?:https?://)?[A-Za-z/~][A-Za-z0-9_./@~-]*")
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "~"})


def ops_text(answers: Answers) -> str:
    """Write the operations file.

    Args:
        answers: of the first set-up.
    """
    return "".join(f"{line}\n" for line in _ops_lines(answers))


def env_text(answers: Answers) -> str:
    """Write the environment file. It has secrets: nobody but the bot's account may read it.

    Args:
        answers: of the first set-up.
    """
    lines = [
        "# Countersign's environment; .env.example explains every variable. It is for the bot's account alone.",
        "# From api.slack.com/apps: OAuth & Permissions (xoxb-…), Basic Information → App-Level Tokens (xapp-…).",
        _variable("SLACK_BOT_TOKEN", answers.bot_token.reveal() if answers.bot_token else ""),
        _variable("SLACK_APP_TOKEN", answers.app_token.reveal() if answers.app_token else ""),
    ]
    database = answers.database
    if database is not None:
        whose = "the bot's own account" if database.is_new else "the application's own account"
        lines.append(f"# The password of {whose} in the database.")
        if database.password is None:
            lines.append(f"# {database.variable} is set in the environment.")
        else:
            lines.append(_variable(database.variable, database.password.reveal()))
    return "".join(f"{line}\n" for line in lines)


def _variable(name: str, value: str) -> str:
    if re.fullmatch(r"[A-Za-z0-9_./:@%+-]*", value):
        return f"{name}={value}"
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"{name}='{escaped}'"


def scalar(text: str) -> str:
    """Write a text as a value of YAML in which a dollar sign is one.

    Args:
        text: of one line.
    """
    text = text.replace("$", "$$")
    return text if _PLAIN.fullmatch(text) and text.lower() not in _WORDS else json.dumps(text, ensure_ascii=False)


def _flow(items: Iterable[str]) -> str:
    return f"[{', '.join(scalar(item) for item in items)}]"


def _ops_lines(answers: Answers) -> Iterator[str]:
    yield "# Written by `countersign init`. ops.example.yaml has every key; `countersign check` reports every mistake."
    yield "version: 1"
    yield ""
    if answers.engineers != ("anyone",) or answers.approvers:
        yield "people:"
    if answers.engineers != ("anyone",):
        yield f"  engineers: {_flow(answers.engineers)}"
    yield f"  approvers: {_flow(answers.approvers)}"
    yield ""
    yield "hosts:"
    for host in answers.hosts:
        yield from _host(host)
    yield ""
    yield from _policy(answers)
    yield ""
    yield "apps:"
    yield f"  {scalar(answers.app)}:"
    yield f"    recipe: {scalar(answers.recipe)}"
    yield f"    channels: {_flow([answers.channel])}"
    yield "    environments:"
    yield f"      {scalar(answers.environment)}:"
    yield f"        policy: {scalar(answers.environment)}"
    yield f"        hosts: {_flow([answers.host.name])}"
    yield f"        path: {scalar(answers.path)}"
    yield f"        branch: {scalar(answers.branch)}"
    if answers.database is not None:
        yield from _database(answers.database, answers.host.name)
    if answers.backups:
        yield "        backups:"
        yield f"          directory: {scalar(answers.backups)}"
        yield '          schedule: "0 3 * * *"'
        yield "          keep: {daily: 7, weekly: 4, monthly: 6}"
    yield from _vars(answers)


def _host(host: HostAnswer) -> Iterator[str]:
    yield f"  {scalar(host.name)}:"
    yield f"    address: {scalar(host.address)}"
    if host.port != 22:
        yield f"    port: {host.port}"
    yield f"    user: {scalar(host.user)}"
    for name in ("key", "known_hosts", "jump"):
        if getattr(host, name):
            yield f"    {name}: {scalar(getattr(host, name))}"


def _policy(answers: Answers) -> Iterator[str]:
    may = "anyone" if answers.engineers == ("anyone",) else "engineers"
    gate = f"{{count: {answers.approvals}, from: [approvers], expires: 30m}}"
    yield "policies:"
    yield f"  {scalar(answers.environment)}:"
    yield "    run:"
    yield f"      deploy: [{may}]"
    yield f"      rollback: [{may}]"
    if answers.backups:
        yield f"      backup: [{may}]"
        yield f"      restore: [{may}]"
    yield "      migrate-status: [anyone]"
    yield "    approve:"
    yield f"      deploy: {gate}"
    yield f"      rollback: {gate}"
    if answers.backups:
        yield f"      restore: {gate}"
    # Where there are enough people, two approve what cannot be taken back.
    more = max(answers.approvals, min(2, answers.most_approvals))
    yield f"      destructive-migration: {{count: {more}, from: [approvers], expires: 30m}}"
    if answers.backups and answers.database is not None:
        yield "    backup_before: {deploy: if-migrations, rollback: always}"


def _database(database: DatabaseAnswer, via: str) -> Iterator[str]:
    yield "        database:"
    yield f"          via: {scalar(via)}"
    yield f"          host: {scalar(database.host)}"
    if database.port != 3306:
        yield f"          port: {database.port}"
    yield f"          name: {scalar(database.name)}"
    yield f"          user: {scalar(database.user)}"
    yield f"          password: ${{{database.variable}}}"


def _vars(answers: Answers) -> Iterator[str]:
    lines = []
    if answers.php != "php":
        lines.append(f"          php: {scalar(answers.php)}")
    if answers.services:
        lines.append(f"          services: {_flow(answers.services)}")
    if answers.health_url:
        lines.append(f"          health_url: {scalar(answers.health_url)}")
    if answers.recipe == "shell":
        lines.append("          commands: ['true']   # what runs on each host after the checkout, in order")
    if lines:
        yield "        vars:"
        yield from lines
