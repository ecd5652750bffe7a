"""Who is ended while a migration waits, and who is not."""

import pytest

from bot.databases.server.lock_waits import LockWait, endable, overdue, still_waiting, suspects
from bot.domain.targets.look import Session


def wait(statement: str = "ALTER TABLE t ADD a INT", **changes: object) -> LockWait:
    facts: dict[str, object] = {"session": 7, "query": 70, "user": "compte", "database": "compte"} | changes
    return LockWait(**facts, statement=statement)


@pytest.mark.parametrize(
    ("statement", "chosen"),
    [
        ("alter table `user_sessions` add `token_id` varchar(100) null", True),
        ("CREATE INDEX i ON t (a)", True),
        ("drop table if exists `t`", True),
        ("RENAME TABLE a TO b", True),
        ("TRUNCATE t", True),
        ("\n  /* by: migrate */ -- why\n# and\n ALTER TABLE t ADD a INT", True),
        ("SELECT * FROM t", False),
        ("update t set alter_ego = 1", False),
        ("INSERT INTO t VALUES ('alter table')", False),
        ("/* ALTER TABLE t */ SELECT 1", False),
        ("-- x\n/**/" * 70 + "SELECT 1", False),
        ("/*!40000 ALTER TABLE t DISABLE KEYS */", False),
        ("alternate", False),
        ("LOCK TABLES t WRITE", False),
        ("", False),
    ],
)
def test_only_what_changes_a_schema_is_ended(statement: str, chosen: bool) -> None:
    assert bool(endable([wait(statement)], "compte", "compte")) is chosen


@pytest.mark.parametrize(
    "other",
    [wait(user="root"), wait(user="compte2"), wait(user="Compte"), wait(database="compte_2"), wait(database=None)],
)
def test_another_user_and_another_database_are_left_alone(other: LockWait) -> None:
    assert endable([other, wait()], "compte", "compte") == (wait(),)


def test_the_patience_is_counted_from_the_first_look_that_saw_it_wait() -> None:
    since = still_waiting({}, [wait()], 100.0)
    since = still_waiting(since, [wait(), wait(session=8, query=80)], 110.0)
    assert overdue(since, 114.9, 15.0) == ()
    assert overdue(since, 115.0, 15.0) == (wait(),)


@pytest.mark.parametrize("meanwhile", [[], [wait(query=71)], [wait(query=None)]])
def test_whoever_stopped_waiting_begins_anew(meanwhile: list[LockWait]) -> None:
    since = still_waiting(still_waiting({}, [wait()], 0.0), meanwhile, 10.0)
    since = still_waiting(since, [wait()], 14.0)
    assert overdue(since, 20.0, 15.0) == ()
    assert overdue(since, 29.0, 15.0) == (wait(),)


def test_the_one_open_longest_is_the_likeliest_and_who_waits_is_none() -> None:
    young, old = Session(3, "app", 20, "", waits=False), Session(9, "report", 900, "select 1", waits=False)
    queued = Session(1, "app", 5000, "select * from t", waits=True)
    assert suspects([young, queued, old]) == (old, young)
    assert suspects([queued]) == ()
