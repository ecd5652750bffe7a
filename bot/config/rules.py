"""Rules that no single value breaks: loops, gates that can never open, two targets in one place.

They read the data before the schema has accepted it, so that one mistake does not hide another: what has the wrong
shape is passed over, because the schema has named it.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from bot.config.addresses import is_public
from bot.config.problems import DocumentProblem, shown_path
from bot.config.schema import Known, unknown
from bot.config.values import emoji, is_user, parse_week_time
from bot.domain.policies.people import People
from bot.domain.policies.policy import DESTRUCTIVE_MIGRATION, OVERRIDE
from bot.domain.policies.rehearsal_mode import RehearsalMode
from bot.domain.runs.request import Action
from bot.domain.signatures.signer_keys import read_key
from bot.domain.targets.forge import ForgeKind, forge_kind
from bot.domain.targets.receiver import ReceiverKind
from bot.domain.targets.target import RehearseOn

Data = Mapping[str, object]

_ASKED_WITH = {
    DESTRUCTIVE_MIGRATION: (Action.DEPLOY.value,),
    OVERRIDE: (Action.DEPLOY.value, Action.ROLLBACK.value, Action.RESTORE.value),
}
"""What is asked for where a gate is not an action's own."""


_SLASHES_BEFORE_A_PATH = 2


def known_names(data: object) -> Known:
    """Gather the names that the file defines."""
    root = _mapping(data)
    return Known(
        hosts=frozenset(_mapping(root.get("hosts"))),
        policies=frozenset(_mapping(root.get("policies"))),
        people=frozenset(_mapping(root.get("people"))),
    )


def broken_rules(data: object) -> list[DocumentProblem]:
    """Check every rule.

    Args:
        data: of the file, variables filled in.
    """
    root = _mapping(data)
    return [
        *_emoji_overlap(root),
        *_people_loops(root),
        *_jump_loops(root),
        *_gates(root),
        *_signers(root),
        *_empty_periods(root),
        *_environments(root),
        *_shared_checkouts(root),
        *_rollouts(root),
        *_order_of_environments(root),
        *_checks_without_a_forge(root),
        *_receivers(root),
    ]


def _mapping(value: object) -> Data:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _texts(value: object) -> list[str]:
    return [item for item in _list(value) if isinstance(item, str)]


def _emoji_overlap(root: Data) -> Iterator[DocumentProblem]:
    section = _mapping(root.get("emoji"))
    approving = {_plain(name) for name in _texts(section.get("approve", ["white_check_mark", "+1"]))}
    side = "reject" if "reject" in section else "approve"
    for index, name in enumerate(_texts(section.get("reject", ["x", "-1"]))):
        if _plain(name) in approving:
            where = ("emoji", side, index) if side == "reject" else ("emoji", side)
            yield DocumentProblem(where, f"{name!r} would approve and reject")


def _plain(name: str) -> str:
    try:
        return emoji(name)
    except ValueError:
        return name


def _loop(start: str, nexts: Mapping[str, list[str]]) -> list[str] | None:
    """Give the way from a name back to itself, if there is one."""
    waiting = [[start]]
    seen: set[str] = set()
    while waiting:
        way = waiting.pop(0)
        for following in nexts.get(way[-1], []):
            if following == start:
                return [*way, start]
            if following not in seen:
                seen.add(following)
                waiting.append([*way, following])
    return None


def _people_loops(root: Data) -> Iterator[DocumentProblem]:
    people = {name: _texts(items) for name, items in _mapping(root.get("people")).items()}
    for name in people:
        way = _loop(name, people)
        if way is not None:
            yield DocumentProblem(("people", name), f"the list contains itself: {' → '.join(way)}")


def _jump_loops(root: Data) -> Iterator[DocumentProblem]:
    jumps = {
        name: [jump]
        for name, host in _mapping(root.get("hosts")).items()
        if isinstance(jump := _mapping(host).get("jump"), str)
    }
    for name in jumps:
        way = _loop(name, jumps)
        if way is not None:
            yield DocumentProblem(("hosts", name, "jump"), f"the host is reached through itself: {' → '.join(way)}")


def resolved_people(lists: Mapping[str, list[str]], items: list[str]) -> People:
    """Resolve names of lists, lists within lists and Slack IDs.

    Args:
        lists: the named lists; a loop among them is passed over.
        items: names, `anyone`, or IDs of users and groups.
    """
    users: set[str] = set()
    groups: set[str] = set()
    anyone = False
    waiting = list(items)
    seen: set[str] = set()
    while waiting:
        item = waiting.pop()
        if item in seen:
            continue
        seen.add(item)
        if item == "anyone":
            anyone = True
        elif item in lists:
            waiting.extend(lists[item])
        elif is_user(item):
            users.add(item)
        else:
            groups.add(item)
    return People(tuple(items), frozenset(users), frozenset(groups), anyone)


def _gates(root: Data) -> Iterator[DocumentProblem]:
    lists = {name: _texts(items) for name, items in _mapping(root.get("people")).items()}
    for name, policy in _mapping(root.get("policies")).items():
        run = _mapping(_mapping(policy).get("run"))
        for key, gate in _mapping(_mapping(policy).get("approve")).items():
            section = _mapping(gate)
            path = ("policies", name, "approve", key)
            count = section.get("count", 1)
            if not isinstance(count, int) or isinstance(count, bool) or count < 1 or not isinstance(gate, dict):
                continue
            if "from" not in section:
                yield DocumentProblem((*path, "from"), "missing; name who may approve")
                continue
            eligible = resolved_people(lists, _texts(section["from"]))
            if eligible.anyone or eligible.groups or not isinstance(section["from"], list):
                continue
            asked = _ASKED_WITH.get(key, (key,))
            askers = resolved_people(lists, [name for action in asked for name in _texts(run.get(action))])
            yield from _unreachable(path, count, eligible, askers, allowed=section.get("self") is True)


def _signers(root: Data) -> Iterator[DocumentProblem]:
    keys = _mapping(root.get("signers"))
    for name, policy in _mapping(root.get("policies")).items():
        for key, gate in _mapping(_mapping(policy).get("approve")).items():
            if _mapping(gate).get("signed") is True and not keys and not root.get("signers_file"):
                message = "asks for signatures, but `signers` and `signers_file` name no key; it could never open"
                yield DocumentProblem(("policies", name, "approve", key, "signed"), message)
    owners: dict[str, str] = {}
    for user, lines in keys.items():
        for line in filter(None, map(_key_of, _texts(lines))):
            owner = owners.setdefault(line, user)
            if owner != user:
                message = f"{owner} has the same key, so that one signature would count for both"
                yield DocumentProblem(("signers", user), message)


def _key_of(line: str) -> str:
    try:
        return read_key(line).line
    except ValueError:
        return ""


def _approvals(count: int) -> str:
    return "1 approval" if count == 1 else f"{count} approvals"


def _unreachable(
    path: tuple[str, ...], count: int, eligible: People, askers: People, *, allowed: bool
) -> Iterator[DocumentProblem]:
    named = len(eligible.users)
    open_ended = askers.anyone or bool(askers.groups) or not askers.users
    alone = not allowed and not open_ended and askers.users <= eligible.users
    most = named - 1 if alone else named
    if count <= most:
        return
    if count > named:
        yield DocumentProblem(
            (*path, "count"), f"asks for {_approvals(count)}, but `from` names {named} in all; it could never open"
        )
    else:
        yield DocumentProblem(
            (*path, "count"),
            f"asks for {_approvals(count)}, but without the requester only {most} of `from` can give one; "
            "it could never open (name more people, or set self: true)",
        )


def _order_of_environments(root: Data) -> Iterator[DocumentProblem]:
    for name, app in _mapping(root.get("apps")).items():
        environments = _mapping(_mapping(app).get("environments"))
        before = {
            environment: _mapping(_mapping(section).get("after")).get("environment")
            for environment, section in environments.items()
        }
        ways = {environment: [other] for environment, other in before.items() if isinstance(other, str)}
        for environment, (other,) in ways.items():
            path = ("apps", name, "environments", environment, "after", "environment")
            if other not in environments:
                yield DocumentProblem(path, unknown("environment", other, frozenset(environments)))
            elif (way := _loop(environment, ways)) is not None:
                yield DocumentProblem(path, f"no commit could ever come first: {' → '.join(way)}")


def _checks_without_a_forge(root: Data) -> Iterator[DocumentProblem]:
    for name, app in _mapping(root.get("apps")).items():
        section = _mapping(app)
        page, kind = section.get("repository"), section.get("forge")
        if page is None:
            for key in ("checks", "forge"):
                if section.get(key):
                    message = "needs `repository`, the page of the repository at its forge"
                    yield DocumentProblem(("apps", name, key), message)
            continue
        if kind is None and isinstance(page, str) and page.count("/") > _SLASHES_BEFORE_A_PATH:
            kind = forge_kind(page)
        if section.get("checks") and kind == ForgeKind.BITBUCKET:
            message = "checks are read at GitHub and GitLab alone; leave them out for this forge"
            yield DocumentProblem(("apps", name, "checks"), message)


def _receivers(root: Data) -> Iterator[DocumentProblem]:
    apps = frozenset(_mapping(root.get("apps")))
    told: set[tuple[object, ...]] = set()
    for index, item in enumerate(_list(root.get("notify"))):
        section = _mapping(item)
        url, kind = section.get("url"), section.get("kind", ReceiverKind.WEBHOOK.value)
        for place, app in enumerate(_texts(section.get("apps"))):
            if app not in apps:
                yield DocumentProblem(("notify", index, "apps", place), unknown("app", app, apps))
        if kind != ReceiverKind.SENTRY.value and "project" in section:
            yield DocumentProblem(("notify", index, "project"), "is used with `kind: sentry` alone")
        if not isinstance(url, str):
            continue
        problem = "" if section.get("allow_private") is True else _lacks_permission(url)
        if problem:
            yield DocumentProblem(("notify", index, "url"), problem)
        same = (kind, url.rstrip("/"), *sorted(_texts(section.get("apps"))))
        if same in told:
            yield DocumentProblem(("notify", index, "url"), "is told already; name all `events` in one place")
        told.add(same)


def _lacks_permission(url: str) -> str:
    """Say why `allow_private` is needed for an address; empty where it is not, as far as can be told offline."""
    if url.startswith("http://"):
        return "must be https://; http:// is for receivers with `allow_private: true`"
    try:
        host = urlsplit(url).hostname or ""
        is_private = host == "localhost" or host.endswith(".localhost") or not is_public(host)
    except ValueError:
        return ""
    return f"{host} is in a private network; say `allow_private: true` where that is meant" if is_private else ""


def _empty_periods(root: Data) -> Iterator[DocumentProblem]:
    for name, policy in _mapping(root.get("policies")).items():
        yield from _empty(("policies", name, "freeze"), _mapping(policy), "it would freeze nothing")
    for path, environment in _each_environment(root):
        yield from _empty((*path, "windows"), environment, "nothing could begin in it")


def _empty(path: tuple[str, ...], section: Data, so: str) -> Iterator[DocumentProblem]:
    for index, period in enumerate(_list(section.get(path[-1]))):
        start, end = _mapping(period).get("from"), _mapping(period).get("to")
        if isinstance(start, str) and start == end and _is_week_time(start):
            yield DocumentProblem((*path, index), f"begins and ends at the same minute; {so}")


def _is_week_time(text: str) -> bool:
    try:
        parse_week_time(text)
    except ValueError:
        return False
    return True


def _each_environment(root: Data) -> Iterator[tuple[tuple[str, ...], Data]]:
    for app, section in _mapping(root.get("apps")).items():
        for name, environment in _mapping(_mapping(section).get("environments")).items():
            yield ("apps", app, "environments", name), _mapping(environment)


def _environments(root: Data) -> Iterator[DocumentProblem]:
    for path, environment in _each_environment(root):
        yield from _proofs(root, path, environment)
        yield from _rehearsal(root, path, environment)
        backups = environment.get("backups")
        if backups is None:
            continue
        if "database" not in environment:
            yield DocumentProblem((*path, "backups"), "there is no `database` here to back up")
        keep = _mapping(backups).get("keep")
        if isinstance(keep, dict) and not any(keep.get(kind, 0) for kind in ("daily", "weekly", "monthly")):
            yield DocumentProblem(
                (*path, "backups", "keep"), "would keep no backup at all; leave `keep` out to keep them all"
            )


def _rollouts(root: Data) -> Iterator[DocumentProblem]:
    for path, environment in _each_environment(root):
        rollout, hosts = environment.get("rollout"), _texts(environment.get("hosts"))
        if not isinstance(rollout, dict) or not hosts:
            continue
        if len(dict.fromkeys(hosts)) == 1:
            message = f"is for environments with more than one host; {hosts[0]!r} is the only one here"
            yield DocumentProblem((*path, "rollout"), message)
        canary = rollout.get("canary")
        if isinstance(canary, str) and canary not in hosts:
            named = frozenset(_mapping(root.get("hosts")))
            why = f"{canary!r} is none of this environment's `hosts`" if canary in named else ""
            message = why or unknown("host", canary, frozenset(hosts))
            yield DocumentProblem((*path, "rollout", "canary"), message)


def _proofs(root: Data, path: tuple[str, ...], environment: Data) -> Iterator[DocumentProblem]:
    """Find what asks for a proven backup where none can ever be proven, or calls nobody."""
    database, backups = environment.get("database"), environment.get("backups")
    policy = environment.get("policy")
    asks = [
        f"policy {policy!r}"
        for section in [_mapping(_mapping(root.get("policies")).get(str(policy)))]
        if "require_proven_backup" in section and isinstance(database, dict)
    ]
    if asks and backups is None:
        yield DocumentProblem(
            (*path, "backups"), f"missing; {asks[0]} asks for a proven backup (`require_proven_backup`)"
        )
    asks += ["`max_age`"] if "max_age" in _mapping(backups) else []
    if asks and isinstance(database, dict) and database.get("scratch") is False:
        yield DocumentProblem(
            (*path, "database", "scratch"),
            f"must not be false: {asks[0]} asks for a proven backup, and without a copy none is ever proven",
        )
    alert = _texts(_mapping(backups).get("alert"))
    if resolved_people({name: _texts(items) for name, items in _mapping(root.get("people")).items()}, alert).anyone:
        yield DocumentProblem(
            (*path, "backups", "alert"), "`anyone` cannot be called; name people, lists or user groups"
        )


def _rehearsal(root: Data, path: tuple[str, ...], environment: Data) -> Iterator[DocumentProblem]:
    """Find what asks for a rehearsal where none can ever be, or where it would reach what is live."""
    database = environment.get("database")
    if not isinstance(database, dict):
        return
    scratch, where = database.get("scratch"), (*path, "database", "scratch")
    if isinstance(scratch, dict) and _place(scratch) == _place(database):
        yield DocumentProblem((*where, "host"), "is the live server; name another one, which reaches nothing live")
    name = str(environment.get("policy"))
    mode = _mapping(_mapping(root.get("policies")).get(name)).get("rehearsal", RehearsalMode.SANDBOX)
    asks = f"policy {name!r} says `rehearsal: {mode}`"
    if mode == RehearsalMode.AFTER_APPROVAL and not isinstance(scratch, dict):
        yield DocumentProblem(
            where, f"must be {{host, port, user, password}} of a server that reaches nothing live: {asks}"
        )
    if mode == RehearsalMode.TRUSTED and scratch is not True and not isinstance(scratch, dict):
        yield DocumentProblem(
            where, f"must be true, or {{host, port, user, password}} of another server: {asks}, which has no sandbox"
        )
    if database.get("rehearse") == RehearseOn.DATA:
        yield from _data_to_rehearse_on((*path, "database", "rehearse"), environment, scratch, mode)


def _data_to_rehearse_on(
    where: tuple[str, ...], environment: Data, scratch: object, mode: object
) -> Iterator[DocumentProblem]:
    if scratch is False:
        yield DocumentProblem(where, "nothing is rehearsed with `scratch: false` beside it")
    elif mode == RehearsalMode.NEVER:
        yield DocumentProblem(where, "nothing is rehearsed with `rehearsal: never` of the policy")
    elif environment.get("backups") is None:
        yield DocumentProblem(where, "there is no `backups` here to take the data from")


def _place(server: Data) -> tuple[str, object]:
    return str(server.get("host")).lower(), server.get("port", 3306)


def _shared_checkouts(root: Data) -> Iterator[DocumentProblem]:
    hosts = _mapping(root.get("hosts"))
    taken: dict[tuple[object, object, str], tuple[str, ...]] = {}
    for path, environment in _each_environment(root):
        directory = environment.get("path")
        if not isinstance(directory, str):
            continue
        for name in dict.fromkeys(_texts(environment.get("hosts"))):
            host = _mapping(hosts.get(name))
            place = (str(host.get("address", name)), str(host.get("port", 22)), posixpath.normpath(directory))
            first = taken.setdefault(place, path)
            if first != path:
                yield DocumentProblem(
                    (*path, "path"),
                    f"{shown_path(first)} has the same path on host {name!r}; two targets cannot share a checkout",
                )
                break
