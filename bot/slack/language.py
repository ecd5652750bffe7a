"""A language: everything that the bot says in Slack, as data. Another language is another directory of YAML files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from bot.domain.errors import Reason

_SECTIONS = frozenset({"sentences", "reasons", "facts"})


class LanguageError(Exception):
    """A language cannot be read. The text says where and what would be right."""


@dataclass(frozen=True)
class Explanation:
    """What somebody is told about a reason, as templates.

    Args:
        wrong: what was wrong.
        right: what would be right.
        not_done: what was not done.
    """

    wrong: str
    right: str
    not_done: str


@dataclass(frozen=True)
class Language:
    """Everything the bot says in one language.

    Args:
        sentences: by key.
        reasons: the explanation of each reason.
        facts: how facts are called, by their name; one that is missing is called by its name.
    """

    sentences: Mapping[str, str]
    reasons: Mapping[Reason, Explanation]
    facts: Mapping[str, str]


def read_language(directory: Path) -> Language:
    """Read a language.

    Args:
        directory: of `*.yaml` files, each with `sentences:`, `reasons:` or `facts:`; how they are divided into files
            is free.

    Raises:
        LanguageError: a file cannot be read, or has what no language has.
    """
    sentences: dict[str, str] = {}
    reasons: dict[Reason, Explanation] = {}
    facts: dict[str, str] = {}
    files = sorted(directory.glob("*.yaml"))
    if not files:
        raise LanguageError(f"{directory}: no *.yaml file is there; copy the files of the built-in English")
    for file in files:
        sections = _sections(file)
        for key, said in _texts(sections, "sentences", file):
            _once(sentences, key, file)
            sentences[key] = said
        for key, said in _texts(sections, "facts", file):
            _once(facts, key, file)
            facts[key] = said
        for name, explained in _entries(sections, "reasons", file):
            reason = _reason(name, file)
            _once(reasons, reason, file)
            reasons[reason] = _explanation(name, explained, file)
    return Language(sentences, reasons, facts)


def _sections(file: Path) -> Mapping[str, object]:
    try:
        data = YAML(typ="safe", pure=True).load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, YAMLError) as error:
        raise LanguageError(f"{file}: {error}") from error
    if not isinstance(data, dict) or not data or not data.keys() <= _SECTIONS:
        raise LanguageError(f"{file}: must have {', '.join(sorted(_SECTIONS))} or some of them, and nothing else")
    return data


def _entries(sections: Mapping[str, object], section: str, file: Path) -> Iterator[tuple[str, object]]:
    entries = sections.get(section) or {}
    if not isinstance(entries, dict):
        raise LanguageError(f"{file}: {section}: must be keys with what they say")
    for key, said in entries.items():
        yield str(key), said


def _texts(sections: Mapping[str, object], section: str, file: Path) -> Iterator[tuple[str, str]]:
    for key, said in _entries(sections, section, file):
        yield key, _text(f"{section}: {key}", said, file)


def _explanation(name: str, explained: object, file: Path) -> Explanation:
    if not isinstance(explained, dict) or explained.keys() != {"wrong", "right", "not_done"}:
        raise LanguageError(f"{file}: reasons: {name}: must say wrong, right and not_done")
    parts = {part: _text(f"reasons: {name}: {part}", said, file) for part, said in explained.items()}
    return Explanation(parts["wrong"], parts["right"], parts["not_done"])


def _text(where: str, said: object, file: Path) -> str:
    if not isinstance(said, str):
        raise LanguageError(f"{file}: {where}: must be text, in double quotes")
    return said


def _reason(name: str, file: Path) -> Reason:
    try:
        return Reason(name)
    except ValueError as error:
        raise LanguageError(f"{file}: reasons: there is no reason {name}") from error


def _once(known: Mapping[str, object] | Mapping[Reason, object], key: str | Reason, file: Path) -> None:
    if key in known:
        raise LanguageError(f"{file}: {key} is said twice")
