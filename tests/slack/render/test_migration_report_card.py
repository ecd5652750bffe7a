"""The answer to `/migrate-status`: one sentence that answers the question, whatever stands behind it."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bot.domain.backups.backup import BackupInfo, BackupList, Proof, Purpose
from bot.domain.names import TargetName
from bot.domain.runs.run import RunState
from bot.domain.targets.look import AppliedMigration, HiddenReplication, Primary, Replica, Replication, Session
from bot.domain.targets.migration_report import Disk, DiskContent, MigrationReport, MigrationStatus, PastRun
from bot.slack.render.cards.status.migration_report_card import SHARE, status_card
from bot.slack.render.message import BLOCKS
from tests.slack.support.limits import texts
from tests.slack.support.runs import ctx

AT = datetime(2026, 11, 16, 12, 0, tzinfo=UTC)
FINE = MigrationStatus(
    target=TargetName("compte", "production"),
    server="10.11.19-MariaDB",
    head="1" * 40,
    branch="main",
    branch_sha="2" * 40,
    ran=(AppliedMigration("2025_01_01_000000_create_users", 1),),
    pending_live=(),
    pending_branch=(),
    missing=(),
    blockers=(),
    sees_all_sessions=True,
    maintenance=(),
    maintenance_unknown=(),
    size_bytes=5_000_000,
    disks=(Disk("web1", DiskContent.CODE, 10_000_000, 200 * 1024),),
)
NEW = ("2025_11_16_074003_add_token_id",)
IDLE = Session(7, "app<!channel>", 600, "SELECT `x` @here", waits=False)


def shown(status: MigrationStatus, **more: object) -> str:
    migration_report = MigrationReport(status, None, None, "")
    return "\n".join(texts(status_card(replace(migration_report, **more), ctx()).blocks))  # type: ignore[arg-type]  # by field name


@pytest.mark.parametrize(
    ("changes", "headline"),
    [
        ({}, "✅ The schema is up to date: 1 migration, none pending."),
        ({"pending_branch": NEW}, "🟡 1 migration is pending on `main`, for the next deploy."),
        ({"pending_live": NEW}, "🔴 1 migration of the live code is pending."),
        ({"pending_live": NEW * 2, "missing": NEW}, "🔴 2 migrations of the live code are pending."),
        (
            {"unanswered": "it is broken", "missing": NEW},
            "🟠 The live application could not list its migrations.",
        ),
        ({"missing": NEW, "pending_branch": NEW}, "🟠 1 migration ran, but its file is in no commit here."),
    ],
)
def test_the_first_sentence_answers_the_question(changes: dict[str, object], headline: str) -> None:
    card = status_card(MigrationReport(replace(FINE, **changes), None, None, ""), ctx())
    assert card.text.partition("\n")[0] == headline
    assert headline in str(card.blocks[0])


def test_what_stands_in_the_way_mentions_nobody() -> None:
    text = shown(replace(FINE, blockers=(IDLE, replace(IDLE, waits=True))))
    assert "<!channel>" not in text
    assert "@here" not in text
    assert "10\u00a0min" in text


def test_a_user_who_may_not_see_others_is_not_told_that_all_is_clear() -> None:
    assert "Nothing is blocking right now" in shown(FINE)
    assert "Nothing is blocking right now" not in shown(replace(FINE, sees_all_sessions=False))


DATABASE_DISK = Disk("web1", DiskContent.DATABASE, 1_000_000, 500_000)
KEPT = BackupInfo(
    "B-20261115-AAAAAA", "R-AAAAAA", Purpose.SCHEDULED, AT, "compte", "10.11.19-MariaDB", ("users",), (), 9, "0" * 64,
    Proof.PROVEN, AT, 3,
)  # fmt: skip
MADE = PastRun("R-7K3F9Q", RunState.SUCCEEDED, AT, "1" * 40, "B-20261116-7K3F9Q")


@pytest.mark.parametrize(
    ("changes", "said", "unsaid"),
    [
        ({}, "Nothing is blocking right now.", "replica"),
        (
            {"disks": (replace(FINE.disks[0], free_kib=1024),)},
            "web1 has 1.0\u00a0MB free; a deploy needs 200.0\u00a0MB.",
            "Nothing",
        ),
        (
            {"disks": (replace(DATABASE_DISK, free_kib=1024),)},
            "rebuilding its largest table needs 488.3\u00a0MB.",
            "Nothing",
        ),
        ({"disks": (*FINE.disks, DATABASE_DISK)}, "976.6\u00a0MB free for the database", "takes"),
        (
            {"disks": (FINE.disks[0], replace(FINE.disks[0], holds=DiskContent.DATABASE))},
            "9.5\u00a0GB free on web1",
            "for the database",
        ),
        ({"maintenance_unknown": ("web2",)}, "Whether maintenance is on cannot be determined on web2.", "is off"),
        ({"replication": Replication(read_only="super_read_only")}, "read-only (`super_read_only`)", "Nothing"),
        ({"replication": Replication((Primary("db1:3306", 0),))}, "a replica of `db1:3306`, and up to date", "behind"),
        ({"replication": Replication((Primary("db1:3306", 90),))}, "1\u00a0min 30\u00a0s behind", "and up to date"),
        (
            {"replication": Replication((Primary("db1:3306", None),))},
            "it does not know how far behind it is",
            "and up to date",
        ),
        ({"replication": Replication((Primary("db1:3306", None, "<!here>"),))}, "has stopped replicating", "<!here>"),
        ({"replication": Replication(replica_count=2)}, "2 replicas follow.", "grant"),
        ({"replication": Replication(replica_count=None)}, "Nothing is blocking right now", "replica"),
        (
            {"replication": Replication(replicas=(Replica("10.0.0.7", sent=False),), replica_count=1)},
            "1 replica follows: 10.0.0.7 (not sent everything yet).",
            "grant",
        ),
        (
            {"replication": Replication(replica_count=1, hidden={HiddenReplication.REPLICAS: "PROCESS"})},
            "1 replica follows.",
            "grant",
        ),
        (
            {"replication": Replication(replica_count=None, hidden={HiddenReplication.REPLICAS: "PROCESS"})},
            "The database user can't see whether replicas follow: grant it PROCESS.",
            "follows",
        ),
        (
            {"replication": Replication(hidden={HiddenReplication.LAG: "SLAVE MONITOR"})},
            "grant it SLAVE MONITOR",
            "and up to date",
        ),
        ({"changed_at": AT}, "the table last changed <!date", "more"),
        ({"backup_list": BackupList("compte", "production", (KEPT,))}, "`B-20261115-AAAAAA`", "No backup"),
        ({"backup_list": BackupList("compte", "production", (KEPT,))}, "*proven*", "No backup"),
        (
            {"backup_list": BackupList("compte", "production", (replace(KEPT, chosen=("users",)),))},
            "No backup recorded yet",
            "B-2026",
        ),
        (
            {"backup_list": BackupList("compte", "production", (KEPT,), future_dated=frozenset({KEPT.backup}))},
            "No backup recorded yet",
            "B-2026",
        ),
    ],
)
def test_each_fact_is_said_and_no_more(changes: dict[str, object], said: str, unsaid: str) -> None:
    text = shown(replace(FINE, **changes))  # type: ignore[arg-type]  # by field name
    assert said in text
    assert unsaid not in text


def test_a_backup_that_was_made_and_is_gone_is_not_told_as_one() -> None:
    assert "`B-20261116-7K3F9Q` · <!date" in shown(FINE, last_backup=MADE)
    assert "is gone, and there is no other one" in shown(
        replace(FINE, backup_list=BackupList("compte", "production", ())), last_backup=MADE
    )


def test_the_run_that_applied_the_last_batch_is_told() -> None:
    assert "Last batch (1): `2025_01_01_000000_create_users` · `R-7K3F9Q` · <!date" in shown(FINE, last_batch=MADE)


def test_what_is_remembered_is_told() -> None:
    past = PastRun("R-7K3F9Q", RunState.FAILED, AT, "1" * 40, "B-20261116-7K3F9Q")
    text = shown(replace(FINE, maintenance=("web1",)), last_deploy=past, last_backup=past, going="R-AAAAAA")
    for part in ("R-7K3F9Q", "❌", "B-20261116-7K3F9Q", "R-AAAAAA", "Maintenance is on"):
        assert part in text


def test_two_thousand_migrations_stay_within_slacks_limits() -> None:
    names = tuple(f"2025_01_01_{n:06}_" + "x" * 200 for n in range(2000))
    card = status_card(MigrationReport(replace(FINE, pending_live=names, missing=names), None, None, ""), ctx())
    assert len(card.blocks) <= BLOCKS
    assert all(len(block["text"]["text"]) <= 3000 for block in card.blocks if block["type"] == "section")


def test_what_is_shared_says_who_shared_it_and_cannot_be_shared_again() -> None:
    card = status_card(MigrationReport(FINE, None, None, ""), ctx(), shared_by="U0ONCALL")
    assert "<@U0ONCALL>" in str(card.blocks)
    assert SHARE not in str(card.blocks)
    assert SHARE in str(status_card(MigrationReport(FINE, None, None, ""), ctx()).blocks)
