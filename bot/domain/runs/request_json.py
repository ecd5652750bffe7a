"""Requests as JSON and back. The options are stored as a mapping of text to text."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from bot.domain.names import TargetName
from bot.domain.runs.request import (
    Action,
    BackupOptions,
    ChangeLayout,
    Decision,
    DeployOptions,
    DropLeftover,
    ListBackups,
    MigrateStatusOptions,
    Origin,
    OverdueBackup,
    PolicyExceptions,
    Request,
    RequestOptions,
    RestoreBackup,
    ResumeOptions,
    RollbackOptions,
    ScheduledBackup,
    ToRelease,
    UndoMigrations,
    VerifyBackup,
)
from bot.domain.runs.start_time import AskedTime, StartTime

_YES = "yes"


def request_to_json(request: Request) -> dict[str, object]:
    """Give what `request_from_json` reads."""
    return {
        "action": request.action.value,
        "app": request.target.app,
        "environment": request.target.environment,
        "user": request.origin.user,
        "channel": request.origin.channel,
        "event": request.origin.event,
        "options": options_to_json(request.options),
        "typed": request.typed,
    }


def request_from_json(data: Mapping[str, object]) -> Request:
    """Read what `request_to_json` wrote.

    Raises:
        KeyError: a value is missing.
        ValueError: the action, or an option of it, is unknown.
    """
    options = data["options"]
    texts = {str(key): str(value) for key, value in options.items()} if isinstance(options, Mapping) else {}
    return Request(
        options=options_from_json(Action(str(data["action"])), texts),
        target=TargetName(str(data["app"]), str(data["environment"])),
        origin=Origin(str(data["user"]), str(data["channel"]), str(data["event"])),
        typed=str(data["typed"]),
    )


def options_to_json(options: RequestOptions) -> dict[str, str]:
    """Write the options of a request; what has its default is left out."""
    match options:
        case DeployOptions(ref, dry_run, migrate, exceptions, at):
            flags = _flag("dry_run", dry_run) | _flag("no_migrate", not migrate)
            return {"ref": ref} | flags | _exceptions_to_json(exceptions) | _start_to_json(at)
        case ChangeLayout(exceptions):
            return {"what": "layout"} | _exceptions_to_json(exceptions)
        case RollbackOptions(scope, exceptions):
            return _scope_to_json(scope) | _exceptions_to_json(exceptions)
        case BackupOptions(tables):
            return {"tables": "\n".join(tables)} if tables else {}
        case ScheduledBackup(due, missed):
            return {"scheduled": due.isoformat()} | _flag("missed", missed)
        case ListBackups():
            return {"what": "list"}
        case VerifyBackup(backup):
            return {"what": "verify", "backup": backup}
        case OverdueBackup(within, backup, made):
            return {"what": "overdue", "overdue_within": within, "overdue_backup": backup, "overdue_made": made}
        case RestoreBackup(backup, exceptions):
            return {"what": "restore", "backup": backup} | _exceptions_to_json(exceptions)
        case DropLeftover(name):
            return {"what": "drop-old"} | _text("name", name)
        case MigrateStatusOptions():
            return {}
        case ResumeOptions(_, run, decision, alternatives, exceptions):
            moves = " ".join(one.value for one in alternatives)
            return {"resume": run, "move": decision.value, "moves": moves} | _exceptions_to_json(exceptions)


def options_from_json(action: Action, texts: Mapping[str, str]) -> RequestOptions:
    """Read what `options_to_json` wrote.

    Args:
        action: of the request.
        texts: the options.

    Raises:
        KeyError: an option is missing.
        ValueError: an option is unknown or not of its kind. It is never ignored: it might ask for less to be done.
    """
    left = dict(texts)
    options = _read_options(action, left)
    if left:
        raise ValueError(f"a request for {action} has no option {', '.join(sorted(left))}")
    return options


def _read_options(action: Action, left: dict[str, str]) -> RequestOptions:
    """Read the options of an action, and take those that were read out of `left`."""
    if "resume" in left:
        return _read_resume(action, left)
    match action:
        case Action.DEPLOY if left.get("what") == "layout":
            del left["what"]
            return ChangeLayout(_read_exceptions(left))
        case Action.DEPLOY:
            migrate = not left.pop("no_migrate", "")
            return DeployOptions(
                left.pop("ref"), bool(left.pop("dry_run", "")), migrate, _read_exceptions(left), _read_start(left)
            )
        case Action.ROLLBACK:
            return RollbackOptions(_read_scope(left), _read_exceptions(left))
        case Action.BACKUP:
            return _read_backup(left)
        case Action.RESTORE:
            return _read_restore(left)
        case Action.MIGRATE_STATUS:
            return MigrateStatusOptions()


def _read_resume(action: Action, left: dict[str, str]) -> ResumeOptions:
    return ResumeOptions(
        action=action,
        run=left.pop("resume"),
        decision=Decision(left.pop("move")),
        alternatives=tuple(Decision(name) for name in left.pop("moves", "").split()),
        exceptions=_read_exceptions(left),
    )


def _read_scope(left: dict[str, str]) -> ToRelease | UndoMigrations:
    if "migrations" in left:
        return UndoMigrations(int(left.pop("migrations")))
    return ToRelease(left.pop("to", None), bool(left.pop("code", "")))


def _scope_to_json(scope: ToRelease | UndoMigrations) -> dict[str, str]:
    match scope:
        case ToRelease(release, code_only):
            return _flag("code", code_only) | _text("to", release)
        case UndoMigrations(count):
            return {"migrations": str(count)}


def _read_backup(left: dict[str, str]) -> RequestOptions:
    match left.pop("what", ""):
        case "list":
            return ListBackups()
        case "verify":
            return VerifyBackup(left.pop("backup"))
        case "overdue":
            return OverdueBackup(left.pop("overdue_within"), left.pop("overdue_backup"), left.pop("overdue_made"))
        case "" if "scheduled" in left:
            return ScheduledBackup(datetime.fromisoformat(left.pop("scheduled")), bool(left.pop("missed", "")))
        case "":
            return BackupOptions(tuple(left.pop("tables", "").split("\n")) if "tables" in left else ())
        case other:
            raise ValueError(f"no backup is asked to {other!r}")


def _read_restore(left: dict[str, str]) -> RequestOptions:
    match left.pop("what"):
        case "restore":
            return RestoreBackup(left.pop("backup"), _read_exceptions(left))
        case "drop-old":
            return DropLeftover(left.pop("name", None))
        case other:
            raise ValueError(f"no restore is asked to {other!r}")


def _read_exceptions(left: dict[str, str]) -> PolicyExceptions:
    return PolicyExceptions(left.pop("during_freeze", None), left.pop("emergency", None))


def _exceptions_to_json(exceptions: PolicyExceptions) -> dict[str, str]:
    return _text("during_freeze", exceptions.during_freeze) | _text("emergency", exceptions.emergency)


def _start_to_json(at: AskedTime | StartTime | None) -> dict[str, str]:
    match at:
        case None:
            return {}
        case StartTime():
            texts = {"starts_at": at.at.isoformat(), "starts_until": at.until.isoformat()}
            return texts | {"starts_zone": at.zone, "starts_asked": at.asked}
        case _:
            raise ValueError("a time that was typed becomes an instant before it is stored")


def _read_start(left: dict[str, str]) -> StartTime | None:
    if "starts_at" not in left:
        return None
    at, until = (datetime.fromisoformat(left.pop(name)) for name in ("starts_at", "starts_until"))
    return StartTime(at, until, left.pop("starts_zone"), left.pop("starts_asked"))


def _flag(name: str, is_set: bool) -> dict[str, str]:  # noqa: FBT001 - a value, not a switch
    return {name: _YES} if is_set else {}


def _text(name: str, value: str | None) -> dict[str, str]:
    return {} if value is None else {name: value}
