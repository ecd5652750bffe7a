"""What `countersign init` asks: the defaults come from the host, the rules from the operations file."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import TypeVar
from urllib.parse import urlsplit

from bot.config import values
from bot.console.first_setup.questions import Question, Questions, UnansweredError
from bot.console.init import Flags
from bot.domain.secrets import Secret
from bot.setup.answers import Answers, DatabaseAnswer, HostAnswer, most_approvals
from bot.setup.host_survey import AppDatabase, Checkout, Framework, Survey
from bot.setup.scripts.recognition import KnownStep, Recognised, Service

T = TypeVar("T")

NONE = "none"
_NEW_ACCOUNT = "countersign"
_UNIT = re.compile(r"[A-Za-z0-9@._:-]+")
_LOGIN = re.compile(r"(?:(?P<user>[^@\s]+)@)(?P<address>\[[0-9A-Fa-f:]+\]|[^@:\s]+)(?::(?P<port>\d{1,5}))?")


def hosts(flags: Flags, questions: Questions) -> tuple[HostAnswer, ...]:
    """Ask which host, and through which other one it is reached.

    Returns:
        The jump first, where there is one.
    """
    asked = Question("--host", "Host of the application (user@address, with :port where it is not 22)")
    user, address, port = questions.ask(asked, flags.host, _login)
    # A host that was given by a flag is reached directly unless a flag says otherwise.
    through = questions.ask(
        Question("--jump", "Reached through another host (user@address)?", NONE),
        NONE if flags.jump is None and flags.host is not None else flags.jump,
        _or_none(_login),
    )
    key, known = flags.key or "", flags.known_hosts or ""
    name = "web1"
    if through is None:
        return (HostAnswer(name, address, port, user, key, known),)
    bastion = HostAnswer("bastion", through[1], through[2], through[0], key, known)
    return bastion, HostAnswer(name, address, port, user, key, known, jump=bastion.name)


def choose(flags: Flags, questions: Questions, checkouts: Sequence[Checkout]) -> Checkout:
    """Ask which of the applications that were found."""
    if len(checkouts) == 1:
        return checkouts[0]
    paths = {checkout.path: checkout for checkout in checkouts}

    def chosen(text: str) -> Checkout:
        if text not in paths:
            raise ValueError(f"there is: {', '.join(paths)}")
        return paths[text]

    return questions.ask(Question("--path", f"Which one? {', '.join(paths)}"), flags.path, chosen)


def answers(
    flags: Flags,
    questions: Questions,
    reached: tuple[HostAnswer, ...],
    survey: Survey,
    checkout: Checkout,
    script: Recognised | None,
    real: Mapping[str, str],
) -> Answers:
    """Ask the rest.

    Args:
        flags: of the command line.
        questions: asks what no flag says.
        reached: the hosts.
        survey: of the host of the application.
        checkout: of the application.
        script: an existing one.
        real: the real environment; what is set there is not asked for.
    """
    ask = questions.ask
    app = ask(Question("--app", "A name for the application", _app_name(checkout.path)), flags.app, values.safe_name)
    environment = ask(Question("--environment", "Its environment", "production"), flags.environment, values.safe_name)
    branch = ask(
        Question("--branch", "Branch that is deployed", checkout.branch or "main"), flags.branch, values.branch
    )
    services = _services(flags, questions, survey, script)
    health = ask(
        Question("--health-url", "A page that must answer after a deploy", checkout.url or NONE),
        flags.health_url,
        _or_none(_url),
    )
    database = _database(flags, questions, app, checkout, real)
    backups = ask(
        Question("--backups", "Folder on the host for backups", f"/var/backups/{app}" if database else NONE),
        flags.backups,
        _or_none(values.remote_path),
    )
    if backups and database is None:
        raise UnansweredError(f"--backups {backups}: there is no database to back up")
    channel = ask(Question("--channel", "Slack channel (its ID, C…)"), flags.channel, values.channel)
    engineers = ask(Question("--engineers", "Who may deploy (U…,S… or anyone)"), flags.engineers, _engineers)
    approvers = ask(Question("--approvers", "Who countersigns (U…,S…)"), flags.approvers, _people)
    approvals = ask(
        Question("--approvals", "How many of them", "1"),
        flags.approvals,
        lambda text: _count(text, engineers, approvers),
    )
    return Answers(
        hosts=reached,
        app=app,
        environment=environment,
        framework=checkout.framework,
        recipe=checkout.framework.value if script is None else f"./{app}.recipe.yaml",
        path=values.remote_path(checkout.path),
        branch=branch,
        channel=channel,
        engineers=engineers,
        approvers=approvers,
        approvals=approvals,
        database=database,
        backups=backups or "",
        services=services,
        recipe_services=_recipe_services(script),
        health_url=health or "",
        bot_token=_token(questions, real, "SLACK_BOT_TOKEN", "xoxb-"),
        app_token=_token(questions, real, "SLACK_APP_TOKEN", "xapp-"),
    )


def _recipe_services(script: Recognised | None) -> tuple[Service, ...]:
    return () if script is None else tuple(line.act for line in script.lines if isinstance(line.act, Service))


def _services(flags: Flags, questions: Questions, survey: Survey, script: Recognised | None) -> tuple[str, ...]:
    """Ask which units are restarted; a script has said so already."""
    asks = script is None or any(line.act == KnownStep("restart") for line in script.lines)
    if not asks:
        return ()
    there = f" (there is: {', '.join(survey.units)})" if survey.units else ""
    default = ",".join(survey.php_fpm) or NONE
    found = questions.ask(
        Question("--services", f"Services that are restarted after a deploy{there}", default),
        flags.services,
        _or_none(_units),
    )
    return found or ()


def _database(
    flags: Flags, questions: Questions, app: str, checkout: Checkout, real: Mapping[str, str]
) -> DatabaseAnswer | None:
    found = checkout.database
    if checkout.framework is Framework.OTHER and flags.database is None:
        return None
    name = questions.ask(
        Question("--database", "Its MySQL or MariaDB database", found.name if found else NONE),
        flags.database,
        _or_none(values.line_of_text),
    )
    if name is None:
        return None
    # Without a password the bot has nothing to log in with.
    usable = found is not None and bool(found.user and found.password.reveal())
    account = questions.ask(
        Question(
            "--database-account",
            "The bot's account there: `new`, its own, or `app`, the application's with its password",
            "new",
        ),
        flags.account,
        lambda text: _account(text, usable=usable),
    )
    variable = re.sub(r"[^A-Z0-9]+", "_", f"{app}_DB_PASSWORD".upper())
    variable = variable if variable[0].isalpha() else f"DB_{variable}"
    server = found or AppDatabase("", "127.0.0.1", 3306, name, "", Secret(""))
    is_new = account == "new"
    password = Secret(secrets.token_urlsafe(24)) if is_new else server.password
    return DatabaseAnswer(
        host=server.host,
        port=server.port,
        name=name,
        user=_NEW_ACCOUNT if is_new else server.user,
        variable=variable,
        password=None if variable in real else password,
        is_new=is_new,
    )


def _account(text: str, *, usable: bool) -> str:
    if text not in {"new", "app"}:
        raise ValueError("write new or app")
    if text == "app" and not usable:
        raise ValueError("the application's .env does not say its account and password, or cannot be read; take new")
    return text


def _token(questions: Questions, real: Mapping[str, str], name: str, prefix: str) -> Secret | None:
    if real.get(name):
        return None
    return questions.secret(f"{name} ({prefix}…, is not shown; empty to fill it in later)")


def _app_name(path: str) -> str:
    """Suggest a name: `compte` for `/var/www/compte.example.com/current`."""
    last = next(
        (part for part in reversed(PurePosixPath(path).parts) if part not in {"current", "html", "public", "/"}), "app"
    )
    name = re.sub(r"[^a-z0-9-]", "-", last.lower().split(".")[0]).strip("-")
    return name or "app"


def _login(text: str) -> tuple[str, str, int]:
    found = _LOGIN.fullmatch(text.strip())
    port = int(found["port"] or 22) if found else 0
    if found is None or not 0 < port < 65536 or found["user"].startswith("-"):
        raise ValueError("write user@address, with :port where it is not 22")
    return values.word(found["user"]), values.address(found["address"].strip("[]")), port


def _or_none(parse: Callable[[str], T]) -> Callable[[str], T | None]:
    def parsed(text: str) -> T | None:
        return None if text in {NONE, "-"} else parse(text)

    return parsed


def _url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or re.search(r"\s", text):
        raise ValueError("write an address such as https://compte.example.com/login")
    return text


def _units(text: str) -> tuple[str, ...]:
    units = tuple(dict.fromkeys(unit.strip().removesuffix(".service") for unit in text.split(",") if unit.strip()))
    if not units or not all(_UNIT.fullmatch(unit) for unit in units):
        raise ValueError("write names of services with commas, such as php8.2-fpm")
    return units


def _people(text: str) -> tuple[str, ...]:
    people = tuple(dict.fromkeys(re.findall(r"[^\s,]+", text)))
    wrong = [one for one in people if not values.is_user(one) and not values.is_group(one)]
    if not people or wrong:
        raise ValueError("write Slack's IDs with commas: U… of a person (profile → ⋮ → Copy member ID), S… of a group")
    return people


def _engineers(text: str) -> tuple[str, ...]:
    return ("anyone",) if text.strip() == "anyone" else _people(text)


def _count(text: str, engineers: tuple[str, ...], approvers: tuple[str, ...]) -> int:
    count = int(text) if text.isascii() and text.isdigit() else 0
    if not 1 <= count <= 99:
        raise ValueError("write a number from 1")
    if count > most_approvals(engineers, approvers):
        raise ValueError(f"{len(approvers)} may countersign, and nobody countersigns an own request: name more people")
    return count
