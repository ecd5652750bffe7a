"""Forms that a command without arguments opens; what is filled in is parsed like typed arguments."""

from __future__ import annotations

from collections.abc import Mapping

from bot.slack.forms.backup import BackupForm
from bot.slack.forms.deploy import DeployForm
from bot.slack.forms.form import CommandForm
from bot.slack.forms.rollback import RollbackForm

FORMS: Mapping[str, CommandForm] = {"/deploy": DeployForm(), "/rollback": RollbackForm(), "/backup": BackupForm()}
"""The form of each command that has one."""
