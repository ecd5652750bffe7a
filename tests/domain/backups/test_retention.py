"""Which backups are kept and which go."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.backups.backup import BackupInfo, Proof, Purpose
from bot.domain.backups.retention import SAFETY_AGE, choose_deletions, future_dated
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


def ahead(name: str, ahead_of_now: timedelta, **changes: object) -> BackupInfo:
    return replace(kept(name, 0, Proof.PROVEN), started=NOW + ahead_of_now, **changes)  # type: ignore[arg-type]


def test_backups_dated_in_the_future_take_nobodys_place_and_stay() -> None:
    today, future = kept("today", 0.1, Proof.PROVEN), [ahead(f"f{n}", timedelta(days=26700 + n)) for n in range(7)]
    yesterday = kept("yesterday", 1.1, Proof.PROVEN)
    assert chosen([*future, today, yesterday], 1, 0, 0) == {"yesterday"}
    assert {backup.backup for backup in future_dated([*future, today, yesterday], NOW)} == {f"f{n}" for n in range(7)}


@pytest.mark.parametrize(("minutes", "is_future"), [(-1, False), (0, False), (9, False), (11, True)])
def test_clocks_may_differ_by_minutes(minutes: int, is_future: bool) -> None:
    assert bool(future_dated([ahead("a", timedelta(minutes=minutes))], NOW)) is is_future


CLOCKS = st.datetimes(datetime(1971, 1, 1), datetime(9998, 12, 31), timezones=st.timezones())  # noqa: DTZ001
DATED = st.lists(
    st.builds(
        lambda name, clock, proof, purpose, tables: replace(
            kept(name, 0, proof, purpose), started=clock, chosen=tables
        ),
        st.uuids().map(str),
        CLOCKS,
        st.sampled_from(Proof),
        st.sampled_from(Purpose),
        st.sampled_from(((), ("users",))),
    ),
    max_size=30,
    unique_by=lambda backup: backup.backup,
)


@given(DATED, CLOCKS, st.sampled_from(["UTC", "Europe/Paris", "America/Los_Angeles"]), COUNTS, COUNTS, COUNTS)
def test_no_number_of_future_dates_changes_what_becomes_of_the_others(
    backups: list[BackupInfo], now: datetime, timezone: str, daily: int, weekly: int, monthly: int
) -> None:
    keep = Keep(daily, weekly, monthly)
    future = {backup.backup for backup in future_dated(backups, now)}
    others = [backup for backup in backups if backup.backup not in future]
    gone = choose_deletions(backups, keep, now, timezone, NOBODY)
    assert gone == choose_deletions(others, keep, now, timezone, NOBODY)
    assert not future & set(gone)
    proven = [backup for backup in others if backup.proof is Proof.PROVEN]
    if proven:
        assert max(proven, key=lambda backup: (backup.started, backup.backup)).backup not in gone
