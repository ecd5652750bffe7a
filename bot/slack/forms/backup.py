"""The form of `/backup`: a target, and optionally a selection of tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.domain.errors import Reason
from bot.domain.runs.request import Action, BackupOptions
from bot.domain.targets.target import Target
from bot.slack.forms.fields import text_input
from bot.slack.forms.form import TARGET, TARGET_REASONS, FormState, selected_value, text_value
from bot.slack.render.context import RenderContext
from bot.slack.render.message import Block

TABLES = "tables"


class BackupForm:
    """The form of `/backup`."""

    command = "/backup"
    action = Action.BACKUP
    completes = False
    reads_branch = False

    def takes(self, target: Target) -> bool:
        """Return whether a target has a database and a storage for backups."""
        return target.database is not None and target.backups is not None

    def plain(self, target: Target) -> BackupOptions:
        """Return the options of a request when only the target is filled in."""
        return BackupOptions()

    def fields(self, state: FormState, ctx: RenderContext) -> tuple[Block | None, ...]:
        """Build the field."""
        translate = ctx.translator.translate
        return (text_input(TABLES, translate("form.tables"), translate("form.tables.empty"), longest=1000),)

    def words(self, values: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the form's values as typed words."""
        tables = text_value(values, TABLES).replace(",", " ").split()
        return (*selected_value(values, TARGET).split(" "), *tables)

    def mistake(self, values: Mapping[str, Any]) -> tuple[str, str] | None:
        """Return None: no values contradict each other."""
        return None

    def field(self, reason: Reason) -> str:
        """Return the field at which a reason is shown."""
        return TARGET if reason in TARGET_REASONS else TABLES
