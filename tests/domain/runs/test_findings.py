"""Findings are stored as facts, which are text, and come back as they were: this version's and those of others."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.backups.backup import Proof
from bot.domain.backups.leftovers import LeftoverKind
from bot.domain.backups.writes_since import WriteState
from bot.domain.errors import Reason
from bot.domain.runs.findings import (
    AllAtOnce,
    AlreadyDown,
    AtOnceReason,
    AttemptKind,
    BackupMade,
    BackupsFromTheFuture,
    BackupsNoLongerKept,
    BackupToRestore,
    CheckFound,
    ChecksWaived,
    Finding,
    HeldBack,
    HostsDiffer,
    LackKind,
    LacksPrivileges,
    LaidOut,
    LeftOut,
    LossUnknown,
    MigrationEffect,
    MigrationFile,
    MigrationFinding,
    MissedBackup,
    NoBackupData,
    NothingLost,
    NotRehearsed,
    NotRehearsedReason,
    OldCode,
    OldTables,
    OnReplica,
    OpenSession,
    OrderReason,
    OtherServer,
    OtherTables,
    OutOfOrder,
    RecordedEffect,
    Rehearsed,
    RehearsedRows,
    RehearsedWhere,
    ReleaseOrder,
    ReliedOnBackup,
    Resumed,
    RollbackChoice,
    RollbackReason,
    RollbackWay,
    RowsChanged,
    RowsCounted,
    RowsLost,
    SandboxAttempt,
    SandboxLack,
    SandboxLimit,
    SchemaChange,
    SchemaDigest,
    StatementFinding,
    SwitchOrder,
    TableDigest,
    TableWritten,
    Unfinished,
    UnknownFinding,
    UsualSteps,
    ValuesLost,
    VerifiedBefore,
    WayBack,
    WayBackState,
    WritesUnknown,
    destroys,
    facts_of,
    finding_from_json,
    finding_of,
    finding_to_json,
    is_unknown,
)
from bot.domain.runs.migration_risk import DownMethod, EffectKind, MigrationRisk, Online, Operation, RiskReason
from bot.domain.runs.request import Decision
from bot.domain.targets.forge import CheckState

AT = datetime(2025, 11, 17, 3, tzinfo=UTC)
TIME = "2025-11-17T03:00:00+00:00"
SHA = "9f2c4d11" * 8

WRITTEN: list[tuple[Finding, dict[str, str]]] = [
    (
        Rehearsed(
            migrations=2,
            seconds=Decimal("4.20"),
            rows=RehearsedRows.BACKUP,
            backup="B-1",
            made_at=AT,
            age=90,
            routines_left_out=True,
            statements=3,
        ),
        {
            "outcome": "ok",
            "migrations": "2",
            "seconds": "4.20",
            "rows": "backup",
            "backup": "B-1",
            "made_at": TIME,
            "age": "90",
            "no_data": "",
            "no_data_detail": "",
            "routines": "left_out",
            "statements": "3",
        },
    ),
    (
        Rehearsed(
            1,
            Decimal("0.05"),
            RehearsedRows.SAMPLE,
            no_data=NoBackupData.SPACE,
            no_data_detail="2 GiB",
            where=RehearsedWhere.SANDBOX,
            preparing=Decimal("2.31"),
            sample_rows=1000,
        ),
        {
            "outcome": "ok",
            "migrations": "1",
            "seconds": "0.05",
            "rows": "sample",
            "backup": "",
            "made_at": "",
            "age": "",
            "no_data": "space",
            "no_data_detail": "2 GiB",
            "routines": "",
            "statements": "",
            "where": "sandbox",
            "preparing": "2.31",
            "sample_rows": "1000",
        },
    ),
    (
        NotRehearsed(NotRehearsedReason.NOT_ON_BRANCH, "main"),
        {"outcome": "not_possible", "why": "not_on_branch", "detail": "main"},
    ),
    (NotRehearsed(NotRehearsedReason.NEVER), {"outcome": "not_possible", "why": "never"}),
    (
        NotRehearsed(
            NotRehearsedReason.PACKAGES, statements=4, package="acme/x", host="evil.example", remedy=("one", "two")
        ),
        {
            "outcome": "not_possible",
            "why": "packages",
            "statements": "4",
            "package": "acme/x",
            "host": "evil.example",
            "remedy": "one\ntwo",
        },
    ),
    (
        NotRehearsed(NotRehearsedReason.STOPPED, limit=SandboxLimit.MEMORY),
        {"outcome": "not_possible", "why": "stopped", "limit": "memory"},
    ),
    (
        MigrationFinding(
            "2025_add",
            MigrationRisk.SLOW,
            RiskReason.COPY,
            "users",
            seconds=Decimal("1.50"),
            down=DownMethod.YES,
            preview=True,
            statements=1,
        ),
        {
            "name": "2025_add",
            "risk": "slow",
            "reason": "copy",
            "what": "users",
            "seconds": "1.50",
            "down": "yes",
            "preview": "yes",
            "statements": "1",
        },
    ),
    (
        MigrationFinding("m", MigrationRisk.UNKNOWN, RiskReason.NOT_PREVIEWED, preview=False),
        {
            "name": "m",
            "risk": "unknown",
            "reason": "not_previewed",
            "what": "",
            "seconds": "",
            "down": "",
            "preview": "no",
            "statements": "",
        },
    ),
    (
        StatementFinding(
            "m",
            1,
            "ALTER TABLE `é`\nDROP `fax`",
            Operation.ALTER_TABLE,
            "é",
            500,
            81920,
            Online.INSTANT,
            writes_wait=False,
            effects=(RecordedEffect(EffectKind.COLUMN_DROPPED, "é.fax"), RecordedEffect(EffectKind.UNKNOWN)),
            destroys=True,
        ),
        {
            "migration": "m",
            "number": "1",
            "sql": "ALTER TABLE `é`\nDROP `fax`",
            "operation": "alter_table",
            "table": "é",
            "rows": "500",
            "bytes": "81920",
            "online": "INSTANT",
            "writes_wait": "no",
            "effects": "column_dropped é.fax; unknown",
            "destroys": "yes",
        },
    ),
    (
        OldCode("m", EffectKind.TABLE_DROPPED, "users"),
        {"migration": "m", "effect": "table_dropped", "what": "users"},
    ),
    (MigrationEffect("m", ("a", "b"), ()), {"migration": "m", "brings": "a\nb", "takes": ""}),
    (SchemaChange("users", ("+ users.x int",), "a\nb"), {"table": "users", "lines": "+ users.x int", "after": "a\nb"}),
    (
        RowsChanged("users", 500, 214, 286, 0, None, RowsCounted.ALL),
        {
            "table": "users",
            "before": "500",
            "after": "214",
            "deleted": "286",
            "changed": "0",
            "inserted": "",
            "of": "all",
        },
    ),
    (WayBack(WayBackState.EXACT), {"state": "exact"}),
    (WayBack(WayBackState.DIFFERS, ("- a", "+ b")), {"state": "differs", "lines": "- a\n+ b"}),
    (
        SandboxAttempt(AttemptKind.NETWORK, "10.0.0.5:6379"),
        {"attempt": "network", "what": "10.0.0.5:6379"},
    ),
    (SandboxLack(LackKind.ADDRESS, "10.0.0.5"), {"lack": "address", "what": "10.0.0.5"}),
    (SandboxLack(LackKind.READS), {"lack": "reads"}),
    (
        MigrationFile("m", "database/migrations/m.php", SHA),
        {"name": "m", "path": "database/migrations/m.php", "sha256": SHA},
    ),
    (
        SchemaDigest((TableDigest("a b", SHA[:16]), TableDigest("users", SHA[:16]))),
        {"tables": f"{SHA[:16]} a b\n{SHA[:16]} users"},
    ),
    (
        BackupMade(
            "B-1",
            "/b/B-1.sql",
            48123,
            SHA,
            3,
            12,
            "compte",
            AT,
            "10.11",
            Proof.PROVEN,
            encrypted=True,
            previous="B-0",
            previous_bytes=99999,
            proven_at=AT,
            restore_seconds=7,
            unprovable="tools",
            unprovable_detail="no bwrap",
            remedy=("a", "b"),
        ),
        {
            "backup": "B-1",
            "path": "/b/B-1.sql",
            "bytes": "48123",
            "sha256": SHA,
            "seconds": "3",
            "tables": "12",
            "database": "compte",
            "started": TIME,
            "server": "10.11",
            "proof": "proven",
            "encrypted": "yes",
            "previous": "B-0",
            "previous_bytes": "99999",
            "proven_at": TIME,
            "restore_seconds": "7",
            "unprovable": "tools",
            "unprovable_detail": "no bwrap",
            "remedy": "a\nb",
        },
    ),
    (BackupMade(bytes=12), {"bytes": "12"}),
    (
        ReliedOnBackup("B-1", AT, None, 7),
        {"backup": "B-1", "made_at": TIME, "proven_at": "", "restore_seconds": "7"},
    ),
    (
        BackupToRestore("B-1", "compte", ("users", "posts"), AT, Proof.CHECKED, None, 40, None, "old"),
        {
            "backup": "B-1",
            "database": "compte",
            "tables": "users, posts",
            "made_at": TIME,
            "proof": "checked",
            "proven_at": "",
            "seconds": "40",
            "downtime": "",
            "old": "old",
        },
    ),
    (
        TableWritten("users", WriteState.CHANGED, 10, 12, counted=True, at=AT, grown=2),
        {
            "table": "users",
            "written": "changed",
            "then": "10",
            "now": "12",
            "counted": "yes",
            "at": TIME,
            "grown": "2",
        },
    ),
    (WritesUnknown(Reason.HOST_UNREACHABLE), {"why": "host_unreachable"}),
    (OtherTables(3, 0), {"same": "3", "more": "0"}),
    (
        OldTables("old", LeftoverKind.REPLACED, 42, 81920, "R-1", "B-1", AT, "succeeded", "S-1", Proof.PROVEN),
        {
            "database": "old",
            "left": "before",
            "tables": "42",
            "bytes": "81920",
            "run": "R-1",
            "backup": "B-1",
            "kept_at": TIME,
            "state": "succeeded",
            "safety": "S-1",
            "safety_proof": "proven",
        },
    ),
    (BackupsNoLongerKept(("B-1", "B-2")), {"backups": "B-1, B-2"}),
    (BackupsFromTheFuture(("B-1",)), {"backups": "B-1"}),
    (
        LacksPrivileges(("EVENT ON `compte`.*", "PROCESS ON *.*, to see")),
        {"lacks": "EVENT ON `compte`.*; PROCESS ON *.*, to see"},
    ),
    (MissedBackup(AT), {"fired_at": TIME}),
    (
        RollbackChoice(RollbackWay.CODE, RollbackReason.COMPATIBLE, ("a", "b")),
        {"way": "code", "why": "compatible", "what": "a, b"},
    ),
    (RowsLost("users", "fax", 3), {"table": "users", "column": "fax", "rows": "3"}),
    (ValuesLost("users", "fax", 3, 9), {"table": "users", "column": "fax", "values": "3", "rows": "9"}),
    (ValuesLost("users"), {"table": "users", "column": "", "values": "", "rows": ""}),
    (UsualSteps("R-1", ("Add",), ("Drop, all", "Go")), {"run": "R-1", "added": "Add", "left_out": "Drop, all; Go"}),
    (NothingLost("users", ""), {"table": "users", "column": ""}),
    (LossUnknown(("a", "b")), {"migrations": "a, b"}),
    (
        Resumed("R-1", Decision.RETRY, "Migrate", SHA, "B-1"),
        {"run": "R-1", "move": "retry", "step": "Migrate", "was_live": SHA, "backup": "B-1"},
    ),
    (Unfinished("R-1", "Migrate"), {"run": "R-1", "step": "Migrate"}),
    (Unfinished("R-1", "", "", "B-1"), {"run": "R-1", "step": "", "was_live": "", "backup": "B-1"}),
    (AlreadyDown(("web1", "web2")), {"hosts": "web1, web2"}),
    (AllAtOnce(AtOnceReason.MIGRATIONS), {"reason": "migrations"}),
    (LaidOut("checkout", "/srv/x"), {"lies": "checkout", "root": "/srv/x"}),
    (HostsDiffer(("aaaaaaa on web1, web2", "bbbbbbb on web3")), {"code": "aaaaaaa on web1, web2; bbbbbbb on web3"}),
    (LeftOut(("web1", "web2")), {"hosts": "web1, web2"}),
    (OtherServer("db1:3306 /a/", "db2:3306 /a/"), {"used": "db1:3306 /a/", "configured": "db2:3306 /a/"}),
    (OnReplica("db1:3306", 7), {"address": "db1:3306", "seconds": "7", "trouble": "", "privilege": ""}),
    (OnReplica("db1:3306", None, "no way"), {"address": "db1:3306", "trouble": "no way", "privilege": ""}),
    (HeldBack(("a",)), {"migrations": "a"}),
    (
        VerifiedBefore("staging", "R-1", AT, SHA),
        {"environment": "staging", "run": "R-1", "at": TIME, "sha": SHA, "taken_back": ""},
    ),
    (
        SwitchOrder(ReleaseOrder.SWITCH_FIRST, OrderReason.DROPS, ("users.fax",)),
        {"order": "switch_first", "reason": "drops", "what": "users.fax"},
    ),
    (OutOfOrder("staging"), {"environment": "staging"}),
    (
        CheckFound("tests", CheckState.FAILURE, "timed_out", "https://x/1"),
        {"name": "tests", "state": "failure", "word": "timed_out", "url": "https://x/1"},
    ),
    (ChecksWaived("no answer"), {"silence": "no answer"}),
    (
        OpenSession(7, "app", 90, "SELECT 1", waits=True),
        {"id": "7", "user": "app", "seconds": "90", "query": "SELECT 1", "waits": "yes"},
    ),
    (UnknownFinding("of_tomorrow", {"a": "b"}), {"a": "b"}),
]


@pytest.mark.parametrize(("found", "facts"), WRITTEN)
def test_a_finding_has_the_same_facts_as_ever(found: Finding, facts: dict[str, str]) -> None:
    assert list(facts_of(found).items()) == list(facts.items())


@pytest.mark.parametrize(("found", "facts"), WRITTEN)
def test_it_comes_back_as_it_was(found: Finding, facts: dict[str, str]) -> None:
    read = finding_of(found.kind, facts)
    assert read == found
    assert type(read) is type(found)
    assert finding_from_json(finding_to_json(read)) == found


def test_every_class_is_tried() -> None:
    assert {type(found) for found, _ in WRITTEN} == set(get_args(Finding))


OTHER_VERSIONS: list[tuple[Finding, dict[str, str]]] = [
    (Rehearsed(), {"outcome": "ok"}),
    (Rehearsed(seconds=Decimal(4)), {"seconds": "4.0", "outcome": "ok"}),
    (Rehearsed(made_at=AT), {"outcome": "ok", "made_at": "2025-11-17T03:00:00Z", "of_tomorrow": "é"}),
    (
        NotRehearsed(NotRehearsedReason.TOOLS, "no git"),
        {"outcome": "not_possible", "why": "tools", "detail": "no git", "migrations": "0", "seconds": "", "rows": ""},
    ),
    (MigrationFinding("m", MigrationRisk.SAFE), {"risk": "safe", "name": "m"}),
    (BackupMade(), {"id": "B-1", "size": "4 GB"}),
    (BackupMade("B-1"), {"backup": "B-1", "proven_at": "", "proof": ""}),
    (BackupToRestore("B-1", made_at=AT), {"backup": "B-1", "tables": "", "made_at": TIME}),
    (Resumed("R-1", None, "", SHA, "B-1"), {"run": "R-1", "was_live": SHA, "backup": "B-1"}),
    (MissedBackup(AT), {"fired_at": "2025-11-17T03:00:00.000000+00:00"}),
]


@pytest.mark.parametrize(("found", "facts"), OTHER_VERSIONS)
def test_facts_of_another_version_are_read_and_written_again_as_they_were(
    found: Finding, facts: dict[str, str]
) -> None:
    read = finding_of(found.kind, facts)
    assert read == found
    assert facts_of(read) == facts


NOT_KNOWN = [
    ("rehearsal", {"outcome": "half"}),
    ("rehearsal", {}),
    ("rehearsal", {"outcome": "ok", "rows": "some"}),
    ("rehearsal", {"outcome": "not_possible", "why": "of_tomorrow"}),
    ("rehearsal", {"outcome": "not_possible"}),
    ("migration", {"risk": "safe"}),
    ("migration", {"name": "m", "risk": ""}),
    ("migration", {"name": "m", "risk": "destructive", "statements": "ALTER TABLE"}),
    ("migration", {"name": "m", "risk": "safe", "statements": "٣"}),
    ("statement", {"migration": "m", "effects": "rows_eaten users"}),
    ("effect", {"brings": ""}),
    ("written", {"table": "users", "rows": "12"}),
    ("missed", {"fired_at": "yesterday"}),
    ("session", {"id": "7", "user": "a", "seconds": "1.5", "query": "", "waits": "no"}),
    ("of_tomorrow", {"a": "b"}),
]


@pytest.mark.parametrize(("kind", "facts"), NOT_KNOWN)
def test_what_is_not_known_survives(kind: str, facts: dict[str, str]) -> None:
    read = finding_from_json({"kind": kind, "facts": facts})
    assert read == UnknownFinding(kind, facts)
    assert finding_to_json(read) == {"kind": kind, "facts": facts}


KINDS = sorted({found.kind for found, _ in WRITTEN})
NAMES = sorted({name for _, facts in WRITTEN for name in facts})
TEXTS = sorted({text for _, facts in WRITTEN for text in facts.values()})
SPELLINGS = st.one_of(st.sampled_from(TEXTS), st.text(max_size=12), st.sampled_from(["007", "-1", "1.50", " 1", "\n"]))


@given(st.sampled_from(KINDS), st.dictionaries(st.sampled_from([*NAMES, "of_tomorrow"]), SPELLINGS, max_size=12))
def test_whatever_is_stored_is_written_again_in_the_same_order(kind: str, facts: dict[str, str]) -> None:
    assert list(facts_of(finding_of(kind, facts)).items()) == list(facts.items())


def test_the_fact_that_tells_two_classes_apart_keeps_its_place() -> None:
    facts = {"why": "tools", "outcome": "not_possible", "detail": "no git"}
    assert list(facts_of(finding_of("rehearsal", facts)).items()) == list(facts.items())


@given(st.sampled_from(WRITTEN), st.dictionaries(st.sampled_from(NAMES), SPELLINGS, max_size=3))
def test_so_is_what_is_almost_as_this_version_writes_it(
    written: tuple[Finding, dict[str, str]], changes: dict[str, str]
) -> None:
    found, facts = written
    spelled = facts | changes
    assert facts_of(finding_of(found.kind, spelled)) == spelled


@pytest.mark.parametrize("data", [{"kind": "x", "facts": {"a": 1}}, {"kind": "x", "facts": []}])
def test_what_is_no_finding_is_refused(data: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="no facts"):
        finding_from_json(data)


def test_a_changed_value_of_a_finding_that_was_read_is_written() -> None:
    read = finding_of("backup", {"backup": "secret", "seconds": "03", "of_tomorrow": "x"})
    assert isinstance(read, BackupMade)
    assert facts_of(replace(read, backup="***")) == {"backup": "***", "seconds": "03", "of_tomorrow": "x"}
    assert facts_of(replace(read, seconds=4, bytes=5)) == {
        "backup": "secret",
        "seconds": "4",
        "of_tomorrow": "x",
        "bytes": "5",
    }


def rows(deleted: int | None, changed: int | None) -> RowsChanged:
    return RowsChanged("users", 9, 9, deleted, changed, None, RowsCounted.SAMPLE)


@pytest.mark.parametrize(
    ("found", "destroyed", "unknown"),
    [
        (Rehearsed(), False, False),
        (NotRehearsed(NotRehearsedReason.NEVER), False, True),
        (MigrationFinding("m", MigrationRisk.BLOCKING), False, False),
        (MigrationFinding("m", MigrationRisk.UNKNOWN), False, True),
        (MigrationFinding("m", MigrationRisk.DESTRUCTIVE), True, False),
        (rows(0, 0), False, False),
        (rows(1, 0), True, False),
        (rows(0, 1), True, False),
        (rows(None, 0), False, True),
        (rows(0, None), False, True),
        (rows(2, None), True, True),
        (UnknownFinding("migration", {"risk": "destructive"}), True, True),
        (UnknownFinding("migration", {"risk": "fine"}), False, True),
        (UnknownFinding("rehearsal", {"outcome": "ok"}), False, True),
        (UnknownFinding("rows_changed", {}), False, True),
        (UnknownFinding("backup", {}), False, False),
        (WayBack(WayBackState.FAILED), False, False),
    ],
)
def test_what_a_finding_means_for_the_gate(found: Finding, destroyed: bool, unknown: bool) -> None:
    assert (destroys(found), is_unknown(found)) == (destroyed, unknown)
