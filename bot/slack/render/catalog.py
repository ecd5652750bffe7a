"""The wording of one language, read from a directory of YAML files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from bot.domain.errors import Reason

SHORT = 24
"""Characters of the title and the buttons of a modal."""

_SHORT_KEYS = re.compile(r"sentences: (form\.(\w+\.)?(title|submit|close|done)|home\.status\.title)")

_SECTIONS = frozenset({"sentences", "reasons", "facts", "phrases", "details", "one"})
_OF_OTHERS = ("phrases: ", "details: ")
"""The sections with texts of other parts of the program."""

_END = re.compile(r"(\.(one|other)|: (wrong|right|not_done))$")
_VALUE = re.compile(r"\{([a-z_]+)\}")

NO_BREAK, NARROW_NO_BREAK = "\u00a0", "\u202f"
"""Spaces at which no line ends: before a unit or a colon, and the narrow one before `;`, `!` and `?`."""

_CODE = re.compile(r"(`[^`]*`)")
_BEFORE_UNIT = re.compile(r"(?<=\}) (?=(?:s|min|h|[kMGT]?[Bo]|%)(?!\w))")
_BEFORE_COLON = re.compile(r" (?=:(?:\W|$))|(?<=«) | (?=»)")
_BEFORE_MARK = re.compile(r" (?=[;!?](?:\W|$))")


class CatalogError(Exception):
    """A catalog cannot be read; the message names the place and how to correct it."""


@dataclass(frozen=True)
class Explanation:
    """The explanation of a reason, as templates.

    Args:
        wrong: the problem.
        right: how to correct it.
        not_done: what was not done.
    """

    wrong: str
    right: str
    not_done: str


@dataclass(frozen=True)
class Catalog:
    """The wording of one language.

    Args:
        sentences: by key.
        reasons: the explanation of each reason.
        facts: wording of facts, by their name; a missing one is shown by its name.
        one: the numbers that use the sentence `KEY.one`; all others use `KEY.other`.
        phrases: translations of texts that come from recipes and other parts of the program, such as titles of
            steps, by the English text; `{name}` in it matches any text.
        details: translations of the details of a problem that other parts of the program write, in the same way; what
            a host, a database or a tool answered stays as it is.
    """

    sentences: Mapping[str, str]
    reasons: Mapping[Reason, Explanation]
    facts: Mapping[str, str]
    one: frozenset[int] = frozenset({1})
    phrases: Mapping[str, str] = field(default_factory=dict)
    details: Mapping[str, str] = field(default_factory=dict)

    def completed_by(self, base: Catalog) -> Catalog:
        """Return this catalog, completed from another one, as an upgrade can add sentences."""
        return Catalog(
            sentences={**base.sentences, **self.sentences},
            reasons={**base.reasons, **self.reasons},
            facts={**base.facts, **self.facts},
            one=self.one,
            phrases={**base.phrases, **self.phrases},
            details={**base.details, **self.details},
        )

    def missing_keys(self, base: Catalog) -> tuple[str, ...]:
        """Return the keys of another catalog that this one lacks."""
        return tuple(sorted(base.templates().keys() - self.templates().keys()))

    def errors(self, base: Catalog) -> tuple[str, ...]:
        """Return the errors in this catalog: unknown keys, values that a sentence never gets, and titles too long.

        Args:
            base: a catalog without errors.
        """
        known = base.templates()
        errors = []
        for key, template in sorted(self.templates().items()):
            is_text = key.startswith(_OF_OTHERS)
            if key not in known and not is_text:  # phrases may belong to custom recipes
                errors.append(f"{key}: no such sentence")
                continue
            given = set(_VALUE.findall(key)) if is_text else _values(key, known)
            if _SHORT_KEYS.fullmatch(key) and len(template) > SHORT:
                errors.append(f"{key}: it has {len(template)} characters; Slack shows {SHORT} at most")
            if strange := set(_VALUE.findall(template)) - given:
                errors.append(f"{key}: it is never given {', '.join(sorted(f'{{{name}}}' for name in strange))}")
        return tuple(errors)

    def templates(self) -> dict[str, str]:
        """Return every template, by section and key."""
        templates = {f"sentences: {key}": text for key, text in self.sentences.items()}
        templates |= {f"facts: {key}": text for key, text in self.facts.items()}
        templates |= {f"phrases: {text}": translation for text, translation in self.phrases.items()}
        templates |= {f"details: {text}": translation for text, translation in self.details.items()}
        for reason, explained in self.reasons.items():
            for part in ("wrong", "right", "not_done"):
                templates[f"reasons: {reason}: {part}"] = getattr(explained, part)
        return templates


def _values(key: str, known: Mapping[str, str]) -> set[str]:
    """Return the values that a sentence gets; singular and plural share them, as do the parts of a reason."""
    stem = _END.sub("", key)
    kin = (template for name, template in known.items() if _END.sub("", name) == stem)
    return {value for template in kin for value in _VALUE.findall(template)}


def read_catalog(directory: Path) -> Catalog:
    """Read a catalog.

    Args:
        directory: of `*.yaml` files, each with `sentences:`, `reasons:`, `facts:`, `phrases:`, `details:` or some of
            them; how they are divided into files is free. `one:` is a list of the numbers that use the singular;
            without it, 1 does.

    Raises:
        CatalogError: a file cannot be read or is not valid.
    """
    sentences: dict[str, str] = {}
    reasons: dict[Reason, Explanation] = {}
    facts: dict[str, str] = {}
    phrases: dict[str, str] = {}
    details: dict[str, str] = {}
    one = frozenset({1})
    files = sorted(directory.glob("*.yaml"))
    if not files:
        raise CatalogError(f"{directory}: no *.yaml file is there; copy the files of the built-in English")
    for file in files:
        sections = _sections(file)
        for key, text in _texts(sections, "sentences", file):
            _once(sentences, key, file)
            sentences[key] = text
        for key, text in _texts(sections, "facts", file):
            _once(facts, key, file)
            facts[key] = text
        for key, text in _texts(sections, "phrases", file):
            _once(phrases, key, file)
            phrases[key] = text
        for key, text in _texts(sections, "details", file):
            _once(details, key, file)
            details[key] = text
        for name, explained in _entries(sections, "reasons", file):
            reason = _reason(name, file)
            _once(reasons, reason, file)
            reasons[reason] = _explanation(name, explained, file)
        if "one" in sections:
            one = _numbers(sections["one"], file)
    return Catalog(sentences, reasons, facts, one, phrases, details)


def _sections(file: Path) -> Mapping[str, object]:
    try:
        data = YAML(typ="safe", pure=True).load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, YAMLError) as error:
        raise CatalogError(f"{file}: {error}") from error
    if not isinstance(data, dict) or not data or not data.keys() <= _SECTIONS:
        raise CatalogError(f"{file}: must have {', '.join(sorted(_SECTIONS))} or some of them, and nothing else")
    return data


def _entries(sections: Mapping[str, object], section: str, file: Path) -> Iterator[tuple[str, object]]:
    entries = sections.get(section) or {}
    if not isinstance(entries, dict):
        raise CatalogError(f"{file}: {section}: must be keys with what they say")
    for key, text in entries.items():
        yield str(key), text


def _texts(sections: Mapping[str, object], section: str, file: Path) -> Iterator[tuple[str, str]]:
    for key, text in _entries(sections, section, file):
        yield key, _text(f"{section}: {key}", text, file)


def _explanation(name: str, explained: object, file: Path) -> Explanation:
    if not isinstance(explained, dict) or explained.keys() != {"wrong", "right", "not_done"}:
        raise CatalogError(f"{file}: reasons: {name}: must say wrong, right and not_done")
    parts = {part: _text(f"reasons: {name}: {part}", text, file) for part, text in explained.items()}
    return Explanation(parts["wrong"], parts["right"], parts["not_done"])


def _numbers(given: object, file: Path) -> frozenset[int]:
    if not isinstance(given, list) or not all(isinstance(number, int) for number in given):
        raise CatalogError(f"{file}: one: must be a list of numbers, such as [0, 1]")
    return frozenset(given)


def _text(where: str, text: object, file: Path) -> str:
    if not isinstance(text, str):
        raise CatalogError(f"{file}: {where}: must be text, in double quotes")
    return "".join(part if _CODE.fullmatch(part) else _kept_together(part) for part in _CODE.split(text))


def _kept_together(text: str) -> str:
    """Keep a number and its unit on one line, and a punctuation mark with the word before it."""
    spaced = _BEFORE_COLON.sub(NO_BREAK, _BEFORE_UNIT.sub(NO_BREAK, text))
    return _BEFORE_MARK.sub(NARROW_NO_BREAK, spaced)


def _reason(name: str, file: Path) -> Reason:
    try:
        return Reason(name)
    except ValueError as error:
        raise CatalogError(f"{file}: reasons: there is no reason {name}") from error


def _once(known: Mapping[str, object] | Mapping[Reason, object], key: str | Reason, file: Path) -> None:
    if key in known:
        raise CatalogError(f"{file}: {key} is said twice")
