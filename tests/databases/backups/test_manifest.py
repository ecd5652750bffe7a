"""Manifests of backups: what cannot be true is refused."""

import json
from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.databases.backups.manifest import parse_manifest
from bot.domain.backups.backup import Proof, Purpose
from tests.databases.support.steps import BACKUP

HONEST = {
    "format": 1, "backup": BACKUP, "app": "compte", "environment": "production", "database": "compte",
    "file": f"{BACKUP}.sql.zst", "bytes": 1, "sha256": "0" * 64, "seconds": 1, "started": "", "server": "",
    "tables": ["t"], "proof": "checked",
}  # fmt: skip


@pytest.mark.parametrize("change", [{"file": "../../etc/passwd"}, {"file": "other.sql.zst"}, {"sha256": "x"},
                                    {"bytes": 0}, {"bytes": "many"}, {"format": 2}, {"tables": None},
                                    {"packed_sha256": "1" * 64}, {"encrypted_to": "age1x"},
                                    {"file": f"{BACKUP}.sql.zst.age"},
                                    {"file": f"{BACKUP}.sql.zst.age", "encrypted_to": "age1x"}])  # fmt: skip
def test_a_manifest_that_cannot_be_true_is_refused(change: dict[str, object]) -> None:
    assert parse_manifest(json.dumps(HONEST).encode()).tables == ("t",)
    with pytest.raises(ValueError, match=r".+"):
        parse_manifest(json.dumps({**HONEST, **change}).encode())


@pytest.mark.parametrize("started", ["", "2026-11-16T12:00:00", "0001-01-01T00:00:00Z", "yesterday"])
def test_a_date_that_no_dump_can_have_is_refused(started: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_manifest(json.dumps({**HONEST, "started": started}).encode()).info()


@given(st.text())
def test_of_a_plain_dump_no_other_checksum_decides_than_that_of_its_file(packed: str) -> None:
    manifest = replace(parse_manifest(json.dumps(HONEST).encode()), packed_sha256=packed)
    assert manifest.loads_sha256 == manifest.sha256


def test_a_proof_changes_nothing_that_an_approval_is_bound_to_and_anything_else_does() -> None:
    manifest = parse_manifest(json.dumps(HONEST).encode())
    proof = {"proof": Proof.PROVEN, "proven_at": "2026-11-16T12:00:00Z", "restore_seconds": 3}
    assert replace(manifest, **proof).stable_sha256 == manifest.stable_sha256  # type: ignore[arg-type]  # by name
    others = {
        "rows": {"t": (1, "2", 3, "4")}, "counters": {"t": 1}, "tables": ("t", "u"), "chosen": ("t",),
        "objects": (), "migrations": (), "purpose": Purpose.SAFETY, "bytes": 2, "seconds": 2, "data_bytes": 2,
    }  # fmt: skip
    for field in fields(manifest):
        if field.name not in proof:
            changed = replace(manifest, **{field.name: others.get(field.name, "other")})
            assert changed.stable_sha256 != manifest.stable_sha256, field.name
