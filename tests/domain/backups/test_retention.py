"""Which backups are kept and which go."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.backups.backup import BackupInfo, Proof, Purpose
from bot.domain.backups.retention import SAFETY_AGE, choose_deletions
from bot.domain.targets.target import Keep

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
NOBODY: frozenset[str] = frozenset()


def kept(name: str, days: float, proof: Proof = Proof.CHECKED, purpose: Purpose = Purpose.SCHEDULED) -> BackupInfo:
    at = NOW - timedelta(days=days)
    return BackupInfo(name, "R", purpose, at, "compte", "10.11", (), (), 1, "0" * 64, proof)


def chosen(backups: list[BackupInfo], daily: int, weekly: int, monthly: int, *referred: str) -> set[str]:
    return set(choose_deletions(backups, Keep(daily, weekly, monthly), NOW, "UTC", frozenset(referred)))


DAYS = [kept(f"d{day}", day) for day in range(90)]


@pytest.mark.parametrize(
    ("keep", "stay"),
    [
        ((3, 0, 0), {"d0", "d1", "d2"}),
        # 22 November 2026 is a Sunday: its week began on the 16th.
        ((0, 3, 0), {"d0", "d7", "d14"}),
        ((0, 0, 3), {"d0", "d22", "d53"}),
        ((2, 2, 2), {"d0", "d1", "d7", "d22"}),
        ((0, 0, 0), set()),
    ],
)
def test_days_weeks_and_months(keep: tuple[int, int, int], stay: set[str]) -> None:
    assert {backup.backup for backup in DAYS} - chosen(DAYS, *keep) == stay


def test_of_one_day_the_proven_one_stays() -> None:
    day = [kept("late", 0.1), kept("proven", 0.2, Proof.PROVEN), kept("refuted", 0.05, Proof.REFUTED)]
    assert chosen(day, 1, 0, 0) == {"late", "refuted"}


def test_the_newest_proven_one_stays_however_old() -> None:
    assert chosen([*DAYS, kept("p1", 300, Proof.PROVEN), kept("p2", 400, Proof.PROVEN)], 1, 0, 0) >= {"p2"}
    assert "p1" not in chosen([*DAYS, kept("p1", 300, Proof.PROVEN), kept("p2", 400, Proof.PROVEN)], 1, 0, 0)


def test_what_a_run_speaks_of_stays() -> None:
    assert chosen(DAYS, 1, 0, 0, "d50") == {backup.backup for backup in DAYS} - {"d0", "d50"}


def test_a_safety_backup_takes_no_place_and_stays_a_month() -> None:
    young, old = kept("young", 1, purpose=Purpose.SAFETY), kept("old", 31, purpose=Purpose.SAFETY)
    assert chosen([young, old, kept("d1", 1.1)], 1, 0, 0) == {"old"}


def test_chosen_tables_displace_no_whole_backup() -> None:
    part = replace(kept("part", 0.1), chosen=("users",))
    assert chosen([part, kept("whole", 0.2)], 1, 0, 0) == set()


def test_days_begin_where_the_schedule_lives() -> None:
    late = replace(kept("late", 0), started=datetime(2026, 11, 21, 23, 30, tzinfo=UTC))
    early = replace(kept("early", 0), started=datetime(2026, 11, 21, 22, 30, tzinfo=UTC))
    both = [late, early]
    assert choose_deletions(both, Keep(1, 0, 0), NOW, "UTC", NOBODY) == ("early",)
    assert choose_deletions(both, Keep(2, 0, 0), NOW, "Europe/Paris", NOBODY) == ()


BACKUPS = st.lists(
    st.builds(
        kept,
        st.uuids().map(str),
        st.floats(0, 500),
        st.sampled_from(Proof),
        st.sampled_from(Purpose),
    ),
    max_size=40,
)
COUNTS = st.integers(0, 8)


@given(BACKUPS, COUNTS, COUNTS, COUNTS, st.data())
def test_what_must_stay_stays(
    backups: list[BackupInfo], daily: int, weekly: int, monthly: int, data: st.DataObject
) -> None:
    names = [backup.backup for backup in backups]
    referred = data.draw(st.sets(st.sampled_from(names))) if names else set()
    gone = chosen(backups, daily, weekly, monthly, *referred)
    assert not gone & referred
    proven = [backup for backup in backups if backup.proof is Proof.PROVEN]
    if proven:
        assert max(proven, key=lambda backup: (backup.started, backup.backup)).backup not in gone
    for backup in backups:
        if backup.purpose is Purpose.SAFETY and NOW - backup.started < SAFETY_AGE:
            assert backup.backup not in gone
    left = [backup for backup in backups if backup.backup not in gone]
    assert chosen(left, daily, weekly, monthly, *referred) == set()
