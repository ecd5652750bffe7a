"""A large database and its backup by mydumper: what it holds, where it lies, and that it is made and proven."""

import shutil
import subprocess
from pathlib import Path

import pytest

from bot.domain.targets.target import Target
from bot.engine.ports import Done
from tests.databases.support.local import KeptOutput, LocalHost, access_to, prover
from tests.databases.support.steps import BACKUP, job_of, performer, prove_job
from tests.support import numbers

FILE = f"{BACKUP}.mydumper.tar"
PLAIN = f"{BACKUP}.sql.zst"

CONTENTS = (
    "CREATE TABLE people (id BIGINT UNSIGNED PRIMARY KEY, name VARCHAR(100) CHARACTER SET utf8mb4,"
    " picture BLOB, flags BIT(12), place POINT, weight DOUBLE, price DECIMAL(30, 10), said JSON, at TIMESTAMP(6) NULL,"
    " born DATETIME NOT NULL DEFAULT '0000-00-00',"
    ' `the "age"` INT GENERATED ALWAYS AS (weight * 2) STORED,'
    " twice BIGINT UNSIGNED AS (id - 1) VIRTUAL, kind ENUM('a', 'é') DEFAULT 'é' COMMENT 'été; 🎉'"
    ") ENGINE=InnoDB COMMENT='people; \n-- Dump completed'",
    "INSERT INTO people (id, name, picture, flags, place, weight, price, said, at, born) VALUES"
    " (1, '🎉 Amélie ''quoted'' \\\\ back; \n', 0x00FF0A0D1A5C273B0A, b'101', POINT(1.5, -2), 0.1, 1.0000000001,"
    " '{\"a\": [1]}', '2025-03-30 01:30:00.123456', '2025-03-30 02:30:00'),"
    " (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '2024-02-29'),"
    " (18446744073709551615, '', '', b'0', NULL, -1e9, -5, '[]', NULL, '0000-00-00')",
    "CREATE TABLE sessions (id INT PRIMARY KEY AUTO_INCREMENT, person BIGINT UNSIGNED,"
    " FOREIGN KEY (person) REFERENCES people (id))",
    f"INSERT INTO sessions SELECT seq, 1 FROM {numbers(1000)}",
    # in the order of their names, what is referred to comes last
    "ALTER TABLE people ADD first INT, ADD FOREIGN KEY (first) REFERENCES sessions (id)",
    "UPDATE people SET first = 7 WHERE id = 1",
    "CREATE TABLE nothing (id INT)",
    "CREATE VIEW adults AS SELECT id, name FROM people WHERE twice < 2",
    "CREATE VIEW adult_names AS SELECT name FROM adults",
    "CREATE TRIGGER grow BEFORE INSERT ON sessions FOR EACH ROW SET NEW.person = COALESCE(NEW.person, 1)",
    "CREATE PROCEDURE `count``them` () BEGIN SELECT 'CREATE TABLE `x`\n-- Dump completed'; END",
    "CREATE FUNCTION double_it(a INT) RETURNS INT DETERMINISTIC RETURN a * 2",
    "CREATE EVENT tidy ON SCHEDULE EVERY 1 DAY DO DELETE FROM sessions WHERE id < 0",
)
"""Statements that make what mydumper dumps, with the oddest values that it bears."""

OLD = (
    shutil.which("mydumper") is not None
    and "mydumper 0.10" in subprocess.run(["mydumper", "--version"], capture_output=True, text=True, check=True).stdout
)
"""Whether it is the version of Debian 12, which neither counts with a sign nor packs fast."""

only_old = pytest.mark.skipif(not OLD, reason="newer versions pack what they write, and read any table in pieces")


def left_in(folder: Path) -> set[str]:
    """Names of what lies in a folder of backups."""
    return {path.name for path in folder.iterdir()}


async def made(host: LocalHost, target: Target) -> tuple[dict[str, str], str]:
    """Dump the database, which has to succeed. Gives the facts of it, and what it told."""
    output = KeptOutput()
    outcome = await performer(host).perform(job_of(target), output)
    assert isinstance(outcome, Done), (outcome, output.text.decode())
    return dict(outcome.facts), output.text.decode()


async def proven(host: LocalHost, target: Target) -> None:
    """Prove the backup, which has to succeed."""
    output = KeptOutput()
    outcome = await prover(access_to(host)).perform(prove_job(target), output)
    assert isinstance(outcome, Done), (outcome, output.text.decode())
    assert outcome.facts["proof"] == "proven"
