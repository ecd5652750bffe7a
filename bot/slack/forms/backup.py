"""The form of `/backup`: a target, and tables if not all of them."""

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
    """Asks what to back up."""

    command = "/backup"
    action = Action.BACKUP
    completes = False
    reads_branch = False

    def takes(self, target: Target) -> bool:
        """Say whether a target has a database and a place for backups."""
        return target.database is not None and target.backups is not None

    def plain(self, target: Target) -> BackupOptions:
        """Give the options of a request for which nothing but the target was filled in."""
        return BackupOptions()

    def fields(self, offer: FormState, ctx: RenderContext) -> tuple[Block | None, ...]:
        """Build the field."""
        translate = ctx.translator.translate
        return (text_input(TABLES, translate("form.tables"), translate("form.tables.empty"), longest=1000),)

    def words(self, values: Mapping[str, Any]) -> tuple[str, ...]:
        """Give what was filled in as words."""
        tables = text_value(values, TABLES).replace(",", " ").split()
        return (*selected_value(values, TARGET).split(" "), *tables)

    def mistake(self, values: Mapping[str, Any]) -> tuple[str, str] | None:
        """Find none: there is one answer."""
        return None

    def field(self, reason: Reason) -> str:
        """Name the field at which a reason is shown."""
        return TARGET if reason in TARGET_REASONS else TABLES
