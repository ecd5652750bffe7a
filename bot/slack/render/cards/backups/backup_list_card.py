"""The answer to `/backup list`: the backups, and how far each is verified."""

from __future__ import annotations

from bot.domain.backups.backup import BackupInfo, BackupList, Proof, predicted_seconds
from bot.domain.backups.leftovers import Leftover
from bot.domain.runs.request import Action
from bot.slack.render import markup
from bot.slack.render.markup import Markup
from bot.slack.render.message import Block, Message, actions, button, context, join_lines, message, section
from bot.slack.render.text import Translator

RESTORE, VERIFY = "backup_restore", "backup_verify"

_MAX = 12
_WITH_BUTTONS = 5
"""The newest backups, which have buttons."""

_EMOJI = {Proof.PROVEN: "✅", Proof.CHECKED: "☑️", Proof.REFUTED: "", Proof.DAMAGED: ""}


def backups_card(backup_list: BackupList, translator: Translator, may: frozenset[Action] = frozenset()) -> Message:
    """Build the answer.

    Args:
        backup_list: the backups and leftovers of the target.
        translator: of the configured language.
        may: what the reader may ask for there.
    """
    translate, count = translator.translate, translator.count
    names = {"app": backup_list.app, "environment": backup_list.environment}
    title = translate("backups.title", target=f"{backup_list.app} {backup_list.environment}")
    shown = backup_list.backups[:_MAX]
    rest = len(backup_list.backups) - len(shown)
    none = translate("backups.none", target=f"{backup_list.app} {backup_list.environment}", **names)
    broken = markup.inline(markup.clip(", ".join(backup_list.unreadable), 300))
    future = markup.inline(markup.clip(", ".join(sorted(backup_list.future_dated)), 300))
    return message(
        title if backup_list.backups else none,
        (
            section(title if backup_list.backups else none),
            *(
                block
                for number, backup in enumerate(shown)
                for block in (
                    section(_line(backup, backup_list, translator)),
                    _buttons(backup, backup_list, may, translator) if number < _WITH_BUTTONS else None,
                )
            ),
            context(count("plan.more", rest)) if rest else None,
            section(translate("backups.broken", names=broken)) if backup_list.unreadable else None,
            section(translate("backups.future", names=future)) if backup_list.future_dated else None,
            context(translate("backups.how", **names)) if backup_list.backups else None,
            *(section(_leftover(leftover, translator)) for leftover in backup_list.leftovers or ()),
            context(translate("backups.left.how", **names)) if backup_list.leftovers else None,
            context(translate("backups.left.unread")) if backup_list.leftovers is None else None,
        ),
        "countersign_backups",
        {
            **names,
            "backups": [{"backup": backup.backup, "proof": backup.proof.value} for backup in shown],
            "remains": [leftover.database for leftover in backup_list.leftovers or ()],
        },
    )


def _buttons(
    backup: BackupInfo, backup_list: BackupList, may: frozenset[Action], translator: Translator
) -> Block | None:
    """Build the buttons of a backup that the reader may use; one that is bad cannot be restored."""
    value = f"{backup_list.app} {backup_list.environment} {backup.backup}"
    restore = Action.RESTORE in may and not backup.proof.is_bad
    return actions(
        f"backup {backup.backup}",
        button(RESTORE, translator.translate("button.backup_restore"), value) if restore else None,
        button(VERIFY, translator.translate("button.backup_verify"), value) if Action.BACKUP in may else None,
    )


def _leftover(leftover: Leftover, translator: Translator) -> Markup:
    return translator.translate(
        f"backups.left.{leftover.left.value}",
        database=leftover.database,
        run=leftover.run,
        size=translator.size(leftover.bytes),
        tables=translator.count("backups.holds", leftover.tables),
    )


def _line(backup: BackupInfo, backup_list: BackupList, translator: Translator) -> Markup:
    translate = translator.translate
    predicted = None if backup.proof.is_bad else predicted_seconds(backup, backup_list)
    when = translator.moment(backup.proven_at) if backup.proven_at else ""
    return join_lines(
        (
            translate(
                "backups.line",
                id=backup.backup,
                when=translator.moment(backup.started),
                size=translator.size(backup.bytes),
                tables=translator.count("backups.tables", len(backup.chosen)) if backup.chosen else "",
                emoji=_EMOJI[backup.proof],
                proof=translate(f"proof.{backup.proof.value}", when=when),
                restore=translator.duration(max(predicted, 1)) if predicted is not None else "",
                purpose=translate(f"backups.purpose.{backup.purpose.value}"),
                encrypted=translate("backups.encrypted") if backup.encrypted else "",
            ),
        )
    )
