"""The answer to `/ops help`: what one person may do in a channel."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from bot.domain.names import TargetName
from bot.domain.policies.policy import DESTRUCTIVE_MIGRATION, OVERRIDE
from bot.domain.policies.usage import usages_for
from bot.domain.runs.request import Action
from bot.engine.queries.locks import Allowed
from bot.slack.ports import CommandSpec
from bot.slack.render import markup
from bot.slack.render.markup import Markup
from bot.slack.render.message import join_lines
from bot.slack.render.text import Translator

_MAX_TARGETS = 6

_GATES = ("deploy", "rollback", "backup", "restore", DESTRUCTIVE_MIGRATION, OVERRIDE)
"""The gates that a policy's `approve` can name, in the order in which they are shown."""

_OF_RESTORE = frozenset({"restore", "drop-old"})
"""Subcommands of `/backup` that policies treat as a restore."""


def help_text(
    allowed: Allowed, commands: Iterable[CommandSpec], with_forms: frozenset[str], translator: Translator
) -> Markup:
    """Build the answer.

    Args:
        allowed: what the person may ask for, and where.
        commands: all of them, in the order in which they are shown.
        with_forms: the names of the commands that open a form without arguments.
        translator: of the configured language.
    """
    translate = translator.translate
    mine = [(spec, where) for spec in commands if (where := allowed.targets.get(spec.action))]
    everywhere = {where for _, where in mine}
    common = everywhere.pop() if len(everywhere) == 1 else ()

    def place(targets: tuple[TargetName, ...]) -> str:
        """Name targets, unless they are those of the headline."""
        return "" if targets == common else _names(targets)

    listed = [
        translate(
            "ops.help.command",
            name=spec.name,
            what=translator.phrase(spec.description),
            where=place(where),
            ways=_ways(spec.name, usages_for(spec.usage, _may_go(allowed))),
        )
        for spec, where in mine
    ]
    if (where := allowed.targets.get(Action.RESTORE)) and not allowed.targets.get(Action.BACKUP):
        listed.append(translate("ops.help.restore", words="[NAME]", where=place(where)))
    if where := allowed.targets.get(Action.DEPLOY):
        listed.append(translate("ops.help.lock", where=place(where)))
    forms = [markup.code(spec.name) for spec, _ in mine if spec.name in with_forms]
    exceptions = [translate(f"ops.help.{flag.removeprefix('--')}") for flag in sorted(allowed.exceptions)]
    return join_lines(
        (
            translate("ops.help", where=_names(common)),
            *listed,
            translate("ops.help.always", words="[APP [ENV]]"),
            _approvals(allowed, translator),
            translator.count("ops.help.forms", len(forms), commands=Markup(", ".join(forms))) if forms else Markup(""),
            *exceptions,
            translate("ops.help.uncertain") if allowed.uncertain else Markup(""),
        )
    )


def command_help(spec: CommandSpec, has_form: bool, translator: Translator) -> Markup:  # noqa: FBT001 - a fact of the command, not a switch
    """Explain one command: what it does, and what may follow it."""
    form = translator.count("ops.help.forms", 1, commands=markup.code(spec.name)) if has_form else Markup("")
    text = translator.translate(
        "ops.help.command",
        name=spec.name,
        what=translator.phrase(spec.description),
        ways=_ways(spec.name, usages_for(spec.usage, lambda _: True)),
    )
    return join_lines((text, form, translator.translate("ops.help.more")))


def _approvals(allowed: Allowed, translator: Translator) -> Markup:
    """Render what the person may approve; empty where it is nothing."""
    what = [translator.translate(f"ops.help.approves.{gate}") for gate in _GATES if gate in allowed.approves]
    return translator.translate("ops.help.approves", what=Markup(", ".join(what))) if what else Markup("")


def _may_go(allowed: Allowed) -> Callable[[str], bool]:
    return lambda word: word not in _OF_RESTORE or bool(allowed.targets.get(Action.RESTORE))


def _ways(name: str, ways: tuple[str, ...]) -> Markup:
    return Markup("\n".join(f"• {markup.code(f'{name} {way}')}" for way in ways))


def _names(targets: tuple[TargetName, ...]) -> str:
    few = ", ".join(str(name) for name in targets[:_MAX_TARGETS])
    return f"{few} +{len(targets) - _MAX_TARGETS}" if len(targets) > _MAX_TARGETS else few
