"""A shell script → its statements in order, each whole: a loop, a here-document or a block in parentheses is one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

_HEREDOC = re.compile(r"<<-?\s*(?:'([^'\n]+)'|\"([^\"\n]+)\"|\\?([\w.-]+))")
_WORD = re.compile(r"[^\s;&|()<>'\"`#]+")
_OPENS = {"if": "fi", "case": "esac", "do": "done", "{": "}"}
_BEFORE_COMMAND = frozenset({"then", "else", "elif", "do", "if", "while", "until", "!", "{"})
_CLOSES = frozenset(_OPENS.values())
_GOES_ON = re.compile(r"(?:&&|\|\|?|\\)\s*$")


class ScriptError(Exception):
    """A script cannot be turned into steps; the message names the line and what would be right."""


@dataclass(frozen=True)
class Statement:
    """One statement of a script.

    Args:
        line: on which it begins, 1 for the first.
        text: as it is written, over several lines where it is a block.
        comment: that stands directly above it, without `#`; empty where there is none.
    """

    line: int
    text: str
    comment: str = ""


def statements(script: str) -> tuple[Statement, ...]:
    """Divide a shell script.

    Args:
        script: text for `sh` or `bash`.

    Returns:
        Its statements in order. What is joined by `;` or `&&` on one line is divided too; comments are none.

    Raises:
        ScriptError: a quote, a block or a here-document is not closed.
    """
    found: list[Statement] = []
    kept: list[str] = []
    scanner, begun, comment = _Scanner(), 0, ""
    for number, line in enumerate(script.replace("\r\n", "\n").split("\n"), start=1):
        stripped = line.strip()
        if not kept and (not stripped or stripped.startswith("#")):
            comment = "" if not stripped or stripped.startswith("#!") else stripped.lstrip("#").strip()
            continue
        begun = begun or number
        kept.append(line)
        scanner.feed(line)
        if scanner.complete:
            text = "\n".join(kept).strip()
            found += [Statement(begun, part, comment) for part in _parts(text)]
            scanner, kept, begun, comment = _Scanner(), [], 0, ""
    if kept:
        raise ScriptError(
            f"line {begun}: what begins here is not closed at the end of the script: {kept[0].strip()[:60]}"
        )
    return tuple(found)


class _Scanner:
    """Follows quotes, blocks and here-documents from line to line."""

    def __init__(self) -> None:
        self._quote = ""
        self._open: list[str] = []
        self._awaited: list[str] = []
        self._goes_on = False

    @property
    def complete(self) -> bool:
        return not (self._quote or self._open or self._awaited or self._goes_on)

    def feed(self, line: str) -> None:
        if self._awaited and not self._quote:
            if line.strip() == self._awaited[0]:
                self._awaited.pop(0)
            return
        rest = self._code(line)
        self._goes_on = not self._quote and bool(_GOES_ON.search(rest))

    def _code(self, line: str) -> str:
        """Follow one line; gives it without its comment."""
        at, command = 0, True
        while at < len(line):
            letter = line[at]
            if self._quote:
                if letter == "\\" and self._quote != "'":
                    at += 1
                elif letter == self._quote:
                    self._quote = ""
                at += 1
            elif letter in "'\"`":
                self._quote, command, at = letter, False, at + 1
            elif letter == "\\":
                command, at = False, at + 2
            elif letter == "#" and (at == 0 or line[at - 1] in " \t;&|("):
                return line[:at].rstrip()
            elif line.startswith("<<", at) and not line.startswith("<<<", at):
                at = self._heredoc(line, at)
            elif letter == "(":
                self._open.append(")")
                command, at = True, at + 1
            elif letter == ")":
                # Within `case` a pattern ends with one that nothing opened.
                if self._open and self._open[-1] == ")":
                    self._open.pop()
                command, at = True, at + 1
            elif letter in ";&|":
                command, at = True, at + 1
            elif (word := _WORD.match(line, at)) is not None:
                command = self._word(word[0], command)
                at = word.end()
            else:
                at += 3 if line.startswith("<<<", at) else 1
        return line

    def _heredoc(self, line: str, at: int) -> int:
        found = _HEREDOC.match(line, at)
        if found is None:
            return at + 2
        self._awaited.append(found[1] or found[2] or found[3])
        return found.end()

    def _word(self, word: str, command: bool) -> bool:  # noqa: FBT001 - whether a command may begin here is a state
        """Open or close a block where the word does so; says whether a command may follow."""
        if not command and word not in {"do", "then"}:
            return False
        if word in _CLOSES and self._open and self._open[-1] == word:
            self._open.pop()
        elif word in _OPENS:
            self._open.append(_OPENS[word])
        return word in _BEFORE_COMMAND


_COMPOUND = re.compile(r"\|\||[()\n`]|(?<!&)&(?!&)|<<|^(?:if|for|while|until|case|function)\b|^[!{\[]|^test\s")


def _parts(text: str) -> Iterator[str]:
    """Divide a simple line at `;` and `&&`; anything else stays as it is."""
    joined = re.sub(r"\\\n\s*", "", text)
    bare = re.sub(r"'[^']*'|\"(?:\\.|[^\"\\])*\"|\d?>&\d?|&>", "", joined)
    if _COMPOUND.search(bare):
        yield text
        return
    part, quote, at = "", "", 0
    while at < len(joined):
        letter = joined[at]
        if letter == "\\" and quote != "'":
            part += joined[at : at + 2]
            at += 2
            continue
        if letter == quote:
            quote = ""
        elif not quote and letter in "'\"":
            quote = letter
        if not quote and letter == "#" and (not part or part[-1].isspace()):
            break
        if not quote and (letter == ";" or joined.startswith("&&", at)):
            if part.strip():
                yield part.strip()
            part, at = "", at + (1 if letter == ";" else 2)
            continue
        part += letter
        at += 1
    if part.strip():
        yield part.strip()


def moved(found: tuple[Statement, ...], lines: int) -> tuple[Statement, ...]:
    """Give statements of a part of a file with their lines in the whole file.

    Args:
        found: in the part.
        lines: that stand before the part.
    """
    return tuple(replace(one, line=one.line + lines) for one in found)
