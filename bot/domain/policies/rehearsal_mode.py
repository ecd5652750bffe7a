"""When and where the migrations of a commit are rehearsed."""

from __future__ import annotations

from enum import StrEnum


class RehearsalMode(StrEnum):
    """When and where the migrations of a commit are rehearsed (`rehearsal`)."""

    SANDBOX = "sandbox"
    """Before approval, cut off from production; where the host has no sandbox, not at all."""
    AFTER_APPROVAL = "after-approval"
    """As the first step behind the gate, on another server."""
    TRUSTED = "trusted"
    """Before approval and with production's rights; only commits that are on the environment's branch."""
    NEVER = "never"
    """Not at all."""
