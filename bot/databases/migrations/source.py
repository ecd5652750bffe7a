"""What the source of a migration shows before anything of it runs: its `down` and its words. Pure."""

from __future__ import annotations

import re

from bot.domain.runs.migration_risk import DownMethod

_PHP = re.compile(
    r"""
      (?P<comment>/\*.*?(?:\*/|\Z)|//[^\n]*|\#(?!\[)[^\n]*)
    | (?P<text>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")
    | (?P<here><<<\s*(?P<q>["']?)(?P<word>\w+)(?P=q)\n.*?\n\s*(?P=word)\b)
    """,
    re.VERBOSE | re.DOTALL,
)
_DOWN = re.compile(r"\bfunction\s+down\s*\(", re.IGNORECASE)


def down_method_of(source: str, suffix: str) -> DownMethod:
    """Return whether a migration has a way back that does something.

    Args:
        source: its file's text.
        suffix: of the file, which determines the language.
    """
    if suffix != ".php":
        return DownMethod.UNKNOWN
    code = php_code(source)
    found = _DOWN.search(code)
    if found is None:
        return DownMethod.MISSING
    start = code.find("{", found.end())
    if start < 0:
        return DownMethod.MISSING
    depth = 0
    for place in range(start, len(code)):
        depth += (code[place] == "{") - (code[place] == "}")
        if depth == 0:
            body = code[start + 1 : place].strip()
            return DownMethod.EMPTY if re.fullmatch(r"(?:return(?:\s+null)?\s*)?;?\s*", body) else DownMethod.YES
    return DownMethod.UNKNOWN


def php_code(source: str) -> str:
    """Return PHP without comments and with emptied strings."""
    return _PHP.sub(lambda match: " " if match["comment"] is not None else "''", source)


def names_connection(source: str, pattern: str, suffix: str) -> bool:
    """Return whether a migration names a connection of its own, which a scratch database does not contain.

    Args:
        source: its file's text.
        pattern: the recipe's regular expression; empty finds nothing.
        suffix: of the file, which determines the language.
    """
    if not pattern:
        return False
    return re.search(pattern, php_code(source) if suffix == ".php" else source) is not None


_UP = re.compile(r"\bfunction\s+up\s*\(.*?(?=\bfunction\s+down\s*\(|\Z)", re.IGNORECASE | re.DOTALL)
_PHP_COMMENT = re.compile(r"/\*.*?(?:\*/|\Z)|(?<!:)//[^\n]*", re.DOTALL)
_DESTROYS = re.compile(
    r"drop(?:Column|Columns|IfExists|Timestamps|SoftDeletes|Morphs|RememberToken)\s*\(|(?:Schema::|->)drop\s*\("
    r"|(?:->|::)(?:delete|forceDelete|truncate|update|upsert|increment|decrement)\s*\("
    r"|\b(?:DROP\s+(?:TABLE|COLUMN)|DELETE\s+FROM|TRUNCATE|UPDATE\s+\S+\s+SET|REPLACE\s+INTO)\b",
    re.IGNORECASE,
)


def word_that_destroys(source: str, suffix: str) -> str:
    """Find a word that suggests dropping or rewriting data, where there is no SQL. It can err both ways.

    Args:
        source: the migration's text.
        suffix: of its file, which determines the language.

    Returns:
        The first such word; empty where there is none.
    """
    text = source
    if suffix == ".php":
        up = _UP.search(_PHP_COMMENT.sub(" ", source))
        text = up.group() if up is not None else source
    found = _DESTROYS.search(text)
    return " ".join(found.group().strip("->: (").split()) if found is not None else ""
