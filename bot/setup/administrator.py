"""The lines that an administrator runs once: accounts, grants, sudoers, folders, keys."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from bot.setup.answers import Answers, DatabaseAnswer
from bot.setup.host_survey import Checkout, Survey
from bot.setup.scripts.recognition import Service

_BLOCK = re.compile(r"^-- (?P<vendors>[\w, ]+): (?P<capability>\w+)\n(?P<sql>(?:(?!-- ).*\n?)*)", re.MULTILINE)
_CREATE = re.compile(r"^CREATE USER .*\n", re.MULTILINE)
_DOCUMENTED_NAME = re.compile(r"`compte((?:\\_countersign\\_%)?)`")
_DOCUMENTED_ACCOUNT = "'countersign'@'127.0.0.1'"


@dataclass(frozen=True)
class Task:
    """Something that an administrator does.

    Args:
        title: what it is for, and where.
        lines: to be copied as they are.
    """

    title: str
    lines: tuple[str, ...]


def grants(text: str, vendor: str, capabilities: frozenset[str]) -> tuple[str, ...]:
    """Choose the documented blocks for a server.

    Args:
        text: of `grants.sql`.
        vendor: `MariaDB` or `MySQL`.
        capabilities: such as `look` and `backup`.
    """
    found = [
        found["sql"].strip()
        for found in _BLOCK.finditer(text)
        if vendor in found["vendors"].split(", ") and found["capability"] in capabilities
    ]
    return tuple(found)


def tasks(answers: Answers, survey: Survey, checkout: Checkout, documented: str, env: str) -> tuple[Task, ...]:
    """List what an administrator has to do for what was configured.

    Args:
        answers: of the first set-up.
        survey: of the host.
        checkout: of the application.
        documented: text of `grants.sql`.
        env: path of the environment file.
    """
    return tuple(_tasks(answers, survey, checkout, documented, env))


def _tasks(answers: Answers, survey: Survey, checkout: Checkout, documented: str, env: str) -> Iterator[Task]:
    host = answers.host
    if answers.database is not None:
        yield from _database_tasks(answers, answers.database, survey, documented, env)
    services = (*(Service(unit, "restart") for unit in answers.services), *answers.recipe_services)
    if services:
        program = survey.systemctl or "/usr/bin/systemctl"
        rules = [_rule(host.user, program, service) for service in dict.fromkeys(services)]
        yield Task(
            f"On {host.name}, as root: let {host.user} restart the services, and nothing more",
            (
                "cat > /etc/sudoers.d/countersign <<'END'",
                *rules,
                "END",
                "chmod 440 /etc/sudoers.d/countersign && visudo -c",
            ),
        )
    if answers.backups:
        folder, user = shlex.quote(answers.backups), shlex.quote(host.user)
        yield Task(
            f"On {host.name}, as root: the folder of the backups",
            (f'install -d -m 700 -o {user} -g "$(id -gn {user})" {folder}',),
        )
    if checkout.trouble and "dubious ownership" in checkout.trouble:
        path, user = shlex.quote(checkout.path), shlex.quote(host.user)
        yield Task(
            f"On {host.name}, as root: give the checkout to {host.user} (git reads none that belongs to somebody else)",
            (f"chown -R {user} {path}",),
        )
    if not checkout.trouble and (checkout.origin_trouble or not checkout.origin):
        yield _deploy_key(answers, survey)


def _rule(user: str, systemctl: str, service: Service) -> str:
    act, asks = f"{systemctl} {service.verb} {service.unit}", f"{systemctl} is-active --quiet {service.unit}"
    return f"{user} ALL=(root) NOPASSWD: {act}, {asks}"


def _database_tasks(
    answers: Answers, database: DatabaseAnswer, survey: Survey, documented: str, env: str
) -> Iterator[Task]:
    vendors = (survey.vendor,) if survey.vendor else ("MariaDB", "MySQL")
    capabilities = frozenset({"look"} | ({"backup", "restore"} if answers.backups else set()))
    seen_from = "127.0.0.1" if database.host == "127.0.0.1" else "%"
    account = f"{_sql_text(database.user)}@'{seen_from}'"
    if database.is_new:
        yield Task(
            f"On this machine: create {account} with the password that stands in .env and is printed nowhere "
            "(put in who administers the database, and where)",
            (_create(account, database.variable, env, survey.vendor),),
        )
    for vendor in vendors:
        blocks = [_CREATE.sub("", block) for block in grants(documented, vendor, capabilities)]
        sql = "\n".join(_for_database(block, database.name, account) for block in blocks)
        yield Task(f"In {vendor}, as its administrator", tuple(sql.splitlines()))


def _create(account: str, variable: str, env: str, vendor: str) -> str:
    """Write the command that sends the password over standard input, where no list of processes shows it."""
    statement = f"CREATE USER {account} IDENTIFIED BY '\\1';"
    client = "mariadb" if vendor == "MariaDB" else "mysql"
    return f'sed -n "s/^{variable}=\\(.*\\)/{statement}/p" {shlex.quote(env)} | ssh ADMINISTRATOR@HOST sudo {client}'


def _for_database(sql: str, name: str, account: str) -> str:
    pattern = re.sub(r"([_%\\])", r"\\\1", name.replace("`", "``"))
    sql = _DOCUMENTED_NAME.sub(lambda found: f"`{pattern}{found[1]}`", sql)
    return sql.replace(_DOCUMENTED_ACCOUNT, account)


def _sql_text(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def _deploy_key(answers: Answers, survey: Survey) -> Task:
    make = () if survey.has_deploy_key else ("ssh-keygen -q -t ed25519 -N '' -f ~/.ssh/id_ed25519",)
    return Task(
        f"On {answers.host.name}, as {answers.host.user}: a deploy key; add what is printed at the forge, read only",
        (*make, "cat ~/.ssh/id_ed25519.pub", f"git -C {shlex.quote(answers.path)} ls-remote --exit-code origin HEAD"),
    )
