"""`/backup list APP ENV`: which backups there are. Makes no run."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.runs.request import ListBackups, Origin, Request
from bot.domain.targets.target import Operations
from commands.words import TARGET_WORDS, find_target, sort_words, with_target


@dataclass(frozen=True)
class ListSubcommand:
    """The subcommand."""

    name: str = "list"
    usage: str = "list APP ENV"

    def parse(self, words: tuple[str, ...], origin: Origin, operations: Operations) -> Request:
        """Read what was typed behind `/backup`."""
        usage = f"/backup {self.usage}"
        plain = sort_words(words[1:], usage, frozenset(), TARGET_WORDS).plain
        plain = with_target(plain, origin.channel, operations, TARGET_WORDS)
        target = find_target(plain, origin.channel, operations, usage)
        return Request(ListBackups(), target.name, origin, " ".join(("/backup", *words)))
