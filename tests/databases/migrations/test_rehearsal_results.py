"""What a rehearsal leaves on a host, read back."""

import pytest

from bot.databases.migrations.rehearsal_script import RehearsalOutcome, failure_of, parse_files, results_of

COLUMN = "column\tusers\tid\tint(11)\tNO\t\t\t\t\n"
ADDED = "column\tusers\tfax\tvarchar(40)\tYES\t'NULL'\t\t\t\n"


def test_each_migration_is_seen_as_it_found_the_tables_and_as_it_left_them() -> None:
    files = {
        "facts": "rows\tcopied\noutcome\tok\n",
        "trials": "1\t0\t120\n2\t0\t30\n",
        "pretend.1": "A: alter table users add fax varchar(40)",
        "changed.1": f"> {ADDED}",
        "changed.2": f"< {ADDED}",
        "before": COLUMN,
        "after": COLUMN,
    }
    results = results_of(files, ("a", "b"))
    assert (results.ended, results.rows) == (RehearsalOutcome.OK, "copied")
    first, second = results.trials
    assert (first.milliseconds, first.pretend is None, second.pretend is None) == (120, False, True)
    assert ("users", "fax") not in first.before.columns
    assert ("users", "fax") in first.after.columns
    assert first.after == second.before
    assert second.after == results.after


def test_one_that_never_came_to_an_outcome_says_so() -> None:
    with pytest.raises(ValueError, match="RehearsalOutcome"):
        results_of({"facts": "rows\tcopied\n"}, ("a",))


def test_files_are_framed_by_their_size_whatever_they_hold() -> None:
    assert parse_files(b"a\t3\nx\ty" + b"b\t0\n" + b"c\t2\n\n\n") == {"a": "x\ty", "b": "", "c": "\n\n"}


@pytest.mark.parametrize("answer", [b"a\t9\nshort", b"a", b"a\tx\n", b"a 3\nxyz"])
def test_an_answer_that_was_cut_is_refused(answer: bytes) -> None:
    with pytest.raises(ValueError, match="cut"):
        parse_files(answer)


@pytest.mark.parametrize(
    ("output", "error", "statement"),
    [
        (
            "Migrating: x\n\n  SQLSTATE[23000]: 1062 Duplicate entry '1' (SQL: ALTER TABLE a ADD (b int))  \n",
            "SQLSTATE[23000]: 1062 Duplicate entry '1'",
            "ALTER TABLE a ADD (b int)",
        ),
        (
            "  SQLSTATE[42S21]: exists (Connection: mysql, SQL: alter table `a`\n  add `b` int)\n\n  at vendor/x.php",
            "SQLSTATE[42S21]: exists",
            "alter table `a` add `b` int",
        ),
        ("PHP Parse error: Unclosed\n\n", "PHP Parse error: Unclosed", ""),
    ],
)
def test_the_error_and_its_statement_are_found(output: str, error: str, statement: str) -> None:
    assert failure_of(output) == (error, statement)
