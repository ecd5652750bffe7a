"""Manifests of backups: what cannot be true is refused."""

import json

import pytest

from bot.databases.backups.manifest import parse_manifest
from tests.databases.support.steps import BACKUP


@pytest.mark.parametrize("change", [{"file": "../../etc/passwd"}, {"file": "other.sql.zst"}, {"sha256": "x"},
                                    {"bytes": 0}, {"bytes": "many"}, {"format": 2}, {"tables": None}])  # fmt: skip
def test_a_manifest_that_cannot_be_true_is_refused(change: dict[str, object]) -> None:
    honest = {
        "format": 1, "backup": BACKUP, "app": "compte", "environment": "production", "database": "compte",
        "file": f"{BACKUP}.sql.zst", "bytes": 1, "sha256": "0" * 64, "seconds": 1, "started": "", "server": "",
        "tables": ["t"], "proof": "checked",
    }  # fmt: skip
    assert parse_manifest(json.dumps(honest).encode()).tables == ("t",)
    with pytest.raises(ValueError, match=r".+"):
        parse_manifest(json.dumps({**honest, **change}).encode())
