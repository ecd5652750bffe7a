"""A lexer of SQL that distinguishes names, text and statements. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto


class SqlTokenKind(Enum):
    """The kind of a token."""

    WORD = auto()
    """A keyword or a name without quotes."""
    NAME = auto()
    """A name between backticks."""
    TEXT = auto()
    """A literal between quotes."""
    NUMBER = auto()
    MARK = auto()
    """Punctuation, one character."""


@dataclass(frozen=True)
class Token:
    """One token.

    Args:
        kind: what it is.
        text: a name without its quotes, else as it stands.
        start: where it begins in the statement.
        end: where it ends, exclusive.
    """

    kind: SqlTokenKind
    text: str
    start: int
    end: int

    def is_word(self, *words: str) -> bool:
        """Return whether it is one of these keywords, given in capitals."""
        return self.kind is SqlTokenKind.WORD and self.text.upper() in words

    def is_mark(self, mark: str) -> bool:
        """Return whether it is this punctuation."""
        return self.kind is SqlTokenKind.MARK and self.text == mark

    @property
    def can_name(self) -> bool:
        """Whether it can be the name of something."""
        return self.kind in {SqlTokenKind.WORD, SqlTokenKind.NAME}


class UnreadableSqlError(ValueError):
    """A statement that cannot be read: an open quote, or a comment that a server would execute."""


_TOKEN = re.compile(
    r"""
      (?P<executable>/\*M?!)
    | (?P<comment>/\*.*?\*/|--(?=\s|$)[^\n]*|\#[^\n]*)
    | (?P<blank>\s+)
    | (?P<name>`(?:[^`]|``)*`)
    | (?P<text>'(?:[^'\\]|''|\\.)*'|"(?:[^"\\]|""|\\.)*")
    | (?P<number>\d+(?:\.\d+)?(?![\w$]))
    | (?P<word>[\w$@]+)
    | (?P<open>[`'"])
    | (?P<mark>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_KINDS = {
    "name": SqlTokenKind.NAME,
    "text": SqlTokenKind.TEXT,
    "number": SqlTokenKind.NUMBER,
    "word": SqlTokenKind.WORD,
}


def tokens(sql: str) -> tuple[Token, ...]:
    """Split a statement.

    Args:
        sql: one statement, in a server's usual mode: double quotes hold text.

    Raises:
        UnreadableSqlError: a quote is never closed, or there is a comment that a server executes (`/*!`).
    """
    found: list[Token] = []
    for match in _TOKEN.finditer(sql):
        kind, text = match.lastgroup or "mark", match.group()
        if kind in {"comment", "blank"}:
            continue
        if kind in {"executable", "open"}:
            raise UnreadableSqlError(f"cannot be read from: {sql[match.start() : match.start() + 40]!r}")
        plain = text[1:-1].replace("``", "`") if kind == "name" else text
        found.append(Token(_KINDS.get(kind, SqlTokenKind.MARK), plain, match.start(), match.end()))
    return tuple(found)


def clauses(row: tuple[Token, ...]) -> tuple[tuple[Token, ...], ...]:
    """Split at the commas that stand outside of brackets.

    Args:
        row: of tokens.
    """
    depth, parts, part = 0, [], list[Token]()
    for token in row:
        depth += token.is_mark("(") - token.is_mark(")")
        if depth == 0 and token.is_mark(","):
            parts.append(tuple(part))
            part = []
        else:
            part.append(token)
    return (*parts, tuple(part)) if part else tuple(parts)


def crosses_databases(row: tuple[Token, ...]) -> bool:
    """Return whether it has a qualified name, which may refer to another database."""
    return any(token.is_mark(".") for token in row)
