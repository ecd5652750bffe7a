"""The script of a dump: it holds no secret, and names its stages as those who read its exit status do."""

import re

import pytest

from bot.databases.backups.dump_script import DumpStage, dump_job, failed_stage
from bot.domain.runs.acts import Dump
from bot.domain.targets.target import Target
from tests.databases.support.steps import BACKUP


def test_the_script_holds_no_secret(target: Target) -> None:
    made = dump_job(target, Dump(BACKUP), "R-7K3F9Q", 1)
    assert target.database is not None
    assert target.database.password.reveal() not in made.command.script()
    assert "***" in str(dict(made.files))


@pytest.mark.parametrize("backup", ["../x", "a b", "", "-x", "x" * 80])
def test_an_id_that_is_no_name_is_refused(backup: str, target: Target) -> None:
    with pytest.raises(ValueError, match="ID of a backup"):
        dump_job(target, Dump(backup), "R-7K3F9Q", 1)


def test_each_stage_has_an_exit_status_of_its_own() -> None:
    statuses = [stage.exit_status for stage in DumpStage]
    assert len(set(statuses)) == len(statuses)
    assert all(2 < status < 126 for status in statuses)
    assert [failed_stage(status) for status in statuses] == list(DumpStage)
    assert failed_stage(1) is None
    assert failed_stage(None) is None


def test_every_stage_that_the_script_names_is_known(target: Target) -> None:
    script = dump_job(target, Dump(BACKUP), "R-7K3F9Q", 1).command.script()
    code = "\n".join(line for line in script.splitlines() if not line.startswith("#"))
    named = set(re.findall(r"\b(?:fail|require) ([a-z]+) ", code))
    assert named
    assert named <= {stage.value for stage in DumpStage}
