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
    """A statement that cannot be read: an open quote or comment, or a comment that a server would execute."""


_TOKEN = re.compile(
    r"""
      (?P<executable>/\*M?!)
    | (?P<comment>/\*.*?\*/|--(?=[ \t\n\r\f\v]|\Z)[^\n]*|\#[^\n]*)
    | (?P<blank>[ \t\n\r\f\v]+)
    | (?P<name>`(?:[^`]|``)*`)
    | (?P<text>'(?:[^'\\]|''|\\.)*'|"(?:[^"\\]|""|\\.)*")
    | (?P<number>[0-9]+(?:\.[0-9]+)?(?![\w$]))
    | (?P<word>[\w$@]+)
    | (?P<open>[`'"]|/\*)
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
_STRANGE = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f]|(?![ \t\n\r\f\v])\s|\ufeff")
"""Control characters and blanks beyond ASCII: servers differ in whether they separate, and start or end a comment."""


def tokens(sql: str) -> tuple[Token, ...]:
    """Split a statement.

    Args:
        sql: one statement, in a server's usual mode: double quotes hold text, and a backslash escapes.

    Raises:
        UnreadableSqlError: a quote or comment is never closed, there is a comment that a server executes (`/*!`), or a
            control character or a blank beyond ASCII outside of literals.
    """
    found: list[Token] = []
    for match in _TOKEN.finditer(sql):
        kind, text = match.lastgroup or "mark", match.group()
        if kind in {"executable", "open"} or (kind not in {"name", "text"} and _STRANGE.search(text)):
            raise UnreadableSqlError(f"cannot be read from: {sql[match.start() : match.start() + 40]!r}")
        if kind in {"comment", "blank"}:
            continue
        plain = text[1:-1].replace("``", "`") if kind == "name" else text
        found.append(Token(_KINDS.get(kind, SqlTokenKind.MARK), plain, match.start(), match.end()))
    return tuple(found)


def depends_on_sql_mode(row: tuple[Token, ...]) -> bool:
    """Return whether a literal may end elsewhere where a backslash does not escape, or double quotes hold a name.

    `NO_BACKSLASH_ESCAPES` ends a literal at a quote behind a backslash; `ANSI_QUOTES` does so between double quotes.

    Args:
        row: of tokens.
    """
    return any(token.kind is SqlTokenKind.TEXT and re.search(r"\\['\"]", token.text) for token in row)


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


def outside_brackets(row: tuple[Token, ...]) -> tuple[Token, ...]:
    """Keep the tokens that stand outside of brackets.

    Args:
        row: of tokens.
    """
    depth, kept = 0, []
    for token in row:
        depth -= token.is_mark(")")
        if depth == 0 and not token.is_mark(")") and not token.is_mark("("):
            kept.append(token)
        depth += token.is_mark("(")
    return tuple(kept)


def starts_with(row: tuple[Token, ...], *words: str) -> bool:
    """Return whether a row begins with these keywords, given in capitals."""
    return len(row) >= len(words) and all(token.is_word(word) for token, word in zip(row, words, strict=False))


def crosses_databases(row: tuple[Token, ...]) -> bool:
    """Return whether a name in it is qualified by a dot, and so may lie in another database."""
    return any(token.is_mark(".") for token in row)
