"""Manifests of backups that a host keeps: read, and made to say something else."""

import json
from pathlib import Path

from bot.databases.backups.manifest import Manifest, parse_manifest
from bot.domain.targets.target import Target
from tests.databases.support.steps import BACKUP


def manifest_of(target: Target, backup: str = BACKUP) -> Manifest:
    """The manifest of a backup of a target."""
    assert target.backups is not None
    return parse_manifest((Path(target.backups.directory) / f"{backup}.json").read_bytes())


def rewrite(target: Target, **changes: object) -> None:
    """Write other values into the manifest of a target's backup, in the form that scripts read."""
    assert target.backups is not None
    path = Path(target.backups.directory) / f"{BACKUP}.json"
    content = json.loads(path.read_text()) | changes
    lines = ",\n".join(f"  {json.dumps(name)}: {json.dumps(value)}" for name, value in content.items())
    path.write_text("{\n" + lines + "\n}\n")
