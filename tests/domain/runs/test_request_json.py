"""The options of requests: how each kind is stored, and that nothing unknown is read past."""

from datetime import UTC, datetime

import pytest

from bot.domain.runs.request import (
    Action,
    BackupOptions,
    Decision,
    DeployOptions,
    DropLeftover,
    ListBackups,
    MigrateStatusOptions,
    OverdueBackup,
    PolicyExceptions,
    RequestOptions,
    RestoreBackup,
    ResumeOptions,
    RollbackOptions,
    ScheduledBackup,
    ToRelease,
    UndoMigrations,
    VerifyBackup,
)
from bot.domain.runs.request_json import options_from_json, options_to_json, request_from_json, request_to_json
from bot.domain.runs.start_time import LATENESS, StartTime
from tests.support.examples import REQUEST

ID = "B-20251117-7K3F9Q"
NIGHT = datetime(2025, 11, 17, 3, tzinfo=UTC)


@pytest.mark.parametrize(
    ("options", "stored"),
    [
        (DeployOptions("main"), {"ref": "main"}),
        (
            DeployOptions("v2", dry_run=True, migrate=False),
            {"ref": "v2", "dry_run": "yes", "no_migrate": "yes"},
        ),
        (
            DeployOptions("main", exceptions=PolicyExceptions(during_freeze="why")),
            {"ref": "main", "during_freeze": "why"},
        ),
        (DeployOptions("main", exceptions=PolicyExceptions(emergency="")), {"ref": "main", "emergency": ""}),
        (
            DeployOptions("main", at=StartTime(NIGHT, NIGHT + LATENESS, "Europe/Paris", "4:00")),
            {
                "ref": "main",
                "starts_at": "2025-11-17T03:00:00+00:00",
                "starts_until": "2025-11-17T03:30:00+00:00",
                "starts_zone": "Europe/Paris",
                "starts_asked": "4:00",
            },
        ),
        (RollbackOptions(), {}),
        (RollbackOptions(ToRelease("R-7K3F9Q", code_only=True)), {"code": "yes", "to": "R-7K3F9Q"}),
        (RollbackOptions(UndoMigrations(2)), {"migrations": "2"}),
        (BackupOptions(), {}),
        (BackupOptions(("users", "a`b")), {"tables": "users\na`b"}),
        (ScheduledBackup(NIGHT), {"scheduled": "2025-11-17T03:00:00+00:00"}),
        (ScheduledBackup(NIGHT, missed=True), {"scheduled": "2025-11-17T03:00:00+00:00", "missed": "yes"}),
        (ListBackups(), {"what": "list"}),
        (VerifyBackup(ID), {"what": "verify", "backup": ID}),
        (
            OverdueBackup("93600", "", ""),
            {"what": "overdue", "overdue_within": "93600", "overdue_backup": "", "overdue_made": ""},
        ),
        (RestoreBackup(ID), {"what": "restore", "backup": ID}),
        (DropLeftover(), {"what": "drop-old"}),
        (DropLeftover("R-7K3F9Q"), {"what": "drop-old", "name": "R-7K3F9Q"}),
        (MigrateStatusOptions(), {}),
        (
            ResumeOptions(
                Action.ROLLBACK,
                "R-7K3F9Q",
                Decision.RESTORE,
                (Decision.RETRY, Decision.RESTORE),
                PolicyExceptions(emergency="fire"),
            ),
            {"resume": "R-7K3F9Q", "move": "restore", "moves": "retry restore", "emergency": "fire"},
        ),
        (
            ResumeOptions(Action.DEPLOY, "R-7K3F9Q", Decision.RETRY, (), PolicyExceptions(during_freeze="paid")),
            {"resume": "R-7K3F9Q", "move": "retry", "moves": "", "during_freeze": "paid"},
        ),
    ],
)
def test_each_kind_is_stored_as_texts_and_read_again(options: RequestOptions, stored: dict[str, str]) -> None:
    assert list(options_to_json(options).items()) == list(stored.items())
    assert options_from_json(options.action, stored) == options


@pytest.mark.parametrize(
    ("action", "stored"),
    [
        (Action.DEPLOY, {"ref": "main", "canary": "web1"}),
        (Action.DEPLOY, {"ref": "main", "what": "restore"}),
        (Action.ROLLBACK, {"migrations": "2", "code": "yes"}),
        (Action.ROLLBACK, {"migrations": "two"}),
        (Action.BACKUP, {"what": "restore", "backup": ID}),
        (Action.BACKUP, {"scheduled": "at night"}),
        (Action.RESTORE, {"what": "verify", "backup": ID}),
        (Action.MIGRATE_STATUS, {"ref": "main"}),
        (Action.DEPLOY, {"resume": "R-7K3F9Q", "move": "guess"}),
        (Action.DEPLOY, {"resume": "R-7K3F9Q", "move": "retry", "ref": "main"}),
    ],
)
def test_an_option_that_is_unknown_is_never_ignored(action: Action, stored: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        options_from_json(action, stored)


@pytest.mark.parametrize(
    ("action", "stored"),
    [(Action.DEPLOY, {}), (Action.RESTORE, {"what": "restore"}), (Action.DEPLOY, {"resume": "R-7K3F9Q"})],
)
def test_an_option_that_is_missing_is_said(action: Action, stored: dict[str, str]) -> None:
    with pytest.raises(KeyError):
        options_from_json(action, stored)


def test_a_request_is_read_again() -> None:
    assert request_from_json(request_to_json(REQUEST)) == REQUEST
