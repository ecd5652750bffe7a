"""A problem in words for whoever sets the bot up: what was found, and what would be right."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bot.console.run_text import in_words, problem_sentence
from bot.domain.errors import Problem, Reason

_Facts = Mapping[str, str]
_Writer = Callable[[_Facts], str]


def explain(problem: Problem) -> str:
    """Write a problem for the terminal.

    Args:
        problem: of a host, a checkout or a database.

    Returns:
        What was found; then, behind a dash, what would be right. Any other problem as Slack's messages say it.
    """
    writer = _WRITERS.get(problem.reason)
    if writer is not None:
        return writer(problem.facts)
    return problem_sentence(problem) or in_words(problem.reason.value)


def _of(facts: _Facts, name: str) -> str:
    return facts.get(name, "")


def _words(facts: _Facts) -> str:
    detail = _of(facts, "detail").strip().rstrip(".")
    return f": {detail}" if detail else ""


def _host_unreachable(facts: _Facts) -> str:
    if "address" not in facts:
        return f"it cannot be reached{_words(facts)}"
    place = f"{_of(facts, 'address')}:{_of(facts, 'port')}"
    return f"{place} cannot be reached{_words(facts)} - check the address, the port and the firewalls between"


def _host_key(facts: _Facts) -> str:
    known, path = _of(facts, "known"), _of(facts, "known_hosts")
    name = _known_as(facts)
    if known == "yes":
        return (
            f"its key is another one than {path} has for {name} - find out why before anything else; if the host was "
            f"set up anew, `ssh-keygen -f {path} -R '{name}'` and add the new key, compared by its fingerprint"
        )
    return (
        f"{path} has no key for {name} - add it, compared by its fingerprint: "
        f"`ssh-keyscan -p {_of(facts, 'port')} {_of(facts, 'address')} >> {path}`"
    )


def _known_as(facts: _Facts) -> str:
    address, port = _of(facts, "address"), _of(facts, "port")
    return address if port in {"", "22"} else f"[{address}]:{port}"


def _login(facts: _Facts) -> str:
    return (
        f"the login as {_of(facts, 'user')} is refused{_words(facts)} - put the public half of the bot's key into "
        f"~/.ssh/authorized_keys of {_of(facts, 'user')} there, or name another `key:`"
    )


def _tools(facts: _Facts) -> str:
    tools = _of(facts, "tools") or _of(facts, "tool")
    return f"not found in PATH: {tools} - install what is missing, for logins without a terminal too"


def _checkout_missing(facts: _Facts) -> str:
    return f"{_of(facts, 'path')} is no git checkout{_words(facts)} - clone the repository there"


def _checkout_unreadable(facts: _Facts) -> str:
    right = "change what git complains of"
    if "dubious ownership" in _of(facts, "detail"):
        right = "it belongs to another account: give it to the one that logs in (chown -R), or name that one as `user:`"
    return f"git does not read {_of(facts, 'path')}{_words(facts)} - {right}"


def _in_the_way(facts: _Facts) -> str:
    return (
        f"not tracked by git, and the branch has files of these names: {_of(facts, 'paths')} - move them away, or the "
        "checkout of the commit fails"
    )


def _not_writable(facts: _Facts) -> str:
    return f"cannot be written by the account that logs in: {_of(facts, 'paths')} - give them to it or to its group"


def _service_not_allowed(facts: _Facts) -> str:
    command = f"systemctl {_of(facts, 'verb')} {_of(facts, 'unit')}"
    return f"`sudo {command}` is not allowed without a password - in /etc/sudoers.d: NOPASSWD: /usr/bin/{command}"


def _service_missing(facts: _Facts) -> str:
    return f"there is no service {_of(facts, 'unit')} - correct `services:`; systemctl list-units shows the names"


def _dirty(facts: _Facts) -> str:
    if _of(facts, "modes"):
        return (
            f"only the permissions were changed: {_of(facts, 'paths')} - change them back, or let git ignore them "
            "there: git config core.fileMode false"
        )
    return f"changed by hand: {_of(facts, 'paths')} - commit these changes elsewhere, or `git checkout` the files"


def _disk(facts: _Facts) -> str:
    return f"{_of(facts, 'free')} KiB free where {_of(facts, 'path')} lies - at least {_of(facts, 'needs')} KiB"


def _inodes(facts: _Facts) -> str:
    return f"{_of(facts, 'free')} inodes free where {_of(facts, 'path')} lies - at least {_of(facts, 'needs')}"


def _server(facts: _Facts) -> str:
    via = _of(facts, "via")
    seen = f" as seen from {via}" if via else ""
    return f"{_of(facts, 'host')}:{_of(facts, 'port')}{seen}"


def _database_unreachable(facts: _Facts) -> str:
    return f"{_server(facts)} does not answer{_words(facts)} - check `host`, `port` and `via`"


def _database_login(facts: _Facts) -> str:
    code = _of(facts, "code")
    number = f" (error {code})" if code not in {"", "0"} else ""
    return (
        f"{_server(facts)} refuses {_of(facts, 'user')}{number}{_words(facts)} - check `user`, the variable with the "
        "password, and what the account was granted"
    )


def _database_missing(facts: _Facts) -> str:
    return f"{_server(facts)} has no database {_of(facts, 'database')} - check `name`"


_WRITERS: Mapping[Reason, _Writer] = {
    Reason.HOST_UNREACHABLE: _host_unreachable,
    Reason.HOST_KEY_CHANGED: _host_key,
    Reason.HOST_LOGIN_REFUSED: _login,
    Reason.HOST_TOOL_MISSING: _tools,
    Reason.CHECKOUT_MISSING: _checkout_missing,
    Reason.CHECKOUT_UNREADABLE: _checkout_unreadable,
    Reason.CHECKOUT_DIRTY: _dirty,
    Reason.FILES_IN_THE_WAY: _in_the_way,
    Reason.NOT_WRITABLE: _not_writable,
    Reason.SERVICE_NOT_ALLOWED: _service_not_allowed,
    Reason.SERVICE_MISSING: _service_missing,
    Reason.DISK_FULL: _disk,
    Reason.INODES_FULL: _inodes,
    Reason.DATABASE_UNREACHABLE: _database_unreachable,
    Reason.DATABASE_LOGIN_REFUSED: _database_login,
    Reason.DATABASE_MISSING: _database_missing,
}
