"""Questions to the person at the terminal. What a flag says is not asked."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from rich.console import Console

from bot.console.output import print_text
from bot.domain.secrets import Secret

T = TypeVar("T")


class UnansweredError(Exception):
    """A question has no answer: no flag says it, and nobody is there to ask; or what a flag says is wrong."""


@dataclass(frozen=True)
class Question:
    """One question.

    Args:
        flag: that answers it too, such as `--channel`.
        text: for people.
        default: what an empty line means; empty where there must be an answer.
    """

    flag: str
    text: str
    default: str = ""


class Questions:
    """Asks on standard input, line by line; at its end, what has a default is taken as answered by it.

    Args:
        console: where questions are printed.
    """

    def __init__(self, console: Console) -> None:
        self._console = console

    def ask(self, question: Question, given: str | None, parse: Callable[[str], T]) -> T:
        """Get an answer.

        Args:
            question: what is asked.
            given: by the flag; None where it was not given.
            parse: reads the answer; raises ValueError with a sentence.

        Raises:
            UnansweredError: there is none.
        """
        if given is not None:
            return self._of_flag(question, given, parse)
        while True:
            line = self._line(question)
            if line is None and not question.default:
                raise UnansweredError(f"not answered: {question.text}; say it by {question.flag}")
            try:
                return parse(line or question.default)
            except ValueError as error:
                if line is None:
                    raise UnansweredError(f"{question.flag}: {question.default}: {error}") from None
                print_text(self._console, f"  {error}", "yellow")

    def agree(self, question: str) -> bool:
        """Ask for a yes; anything else, and nobody there, is a no.

        Args:
            question: what is asked.
        """
        line = self._line(Question("", f"{question} (yes/no)"))
        return line is not None and line.lower() in {"y", "yes"}

    def secret(self, question: str) -> Secret | None:
        """Ask for a secret, which is not shown while it is typed.

        Args:
            question: what is asked.

        Returns:
            None for an empty line, or where nobody is there.
        """
        if sys.stdin.isatty():
            try:
                typed = getpass.getpass(f"{question}: ")
            except EOFError:
                typed = ""
        else:
            typed = sys.stdin.readline()
        return Secret(typed.strip()) if typed.strip() else None

    def _of_flag(self, question: Question, given: str, parse: Callable[[str], T]) -> T:
        try:
            return parse(given)
        except ValueError as error:
            raise UnansweredError(f"{question.flag} {given}: {error}") from None

    def _line(self, question: Question) -> str | None:
        """Print a question and read a line; None at the end of standard input."""
        default = f" [{question.default}]" if question.default else ""
        print_text(self._console, f"{question.text}{default}: ")
        line = sys.stdin.readline()
        return line.strip() if line else None
