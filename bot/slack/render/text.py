"""Translating keys and values into text, by the catalog of a language.

A sentence is a template. `{name}` becomes a value, escaped; a part in `[…]` is left out where one of its values is
missing or empty.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime

from bot.domain.errors import Problem, Reason
from bot.domain.runs.basis import CHECK_FACT
from bot.slack.render import markup
from bot.slack.render.catalog import Catalog
from bot.slack.render.markup import Markup

_OPTIONAL = re.compile(r"\[([^\[\]]*)\]")
_VALUE = re.compile(r"\{([a-z_]+)\}")
_USER = re.compile(r"[UW][A-Z0-9]{2,}")
_GROUP = re.compile(r"S[A-Z0-9]{2,}")
_FEW_SECONDS = 9.95
_MINUTE = 60
_HOURS_IN_FULL = 48
_KIB = 1024
_UNITS = ("kb", "mb", "gb", "tb")
_LONGEST_VALUE = 300
_UNSAID = "–"
PRESENT = "\u2060"
"""A value that is not empty but invisible (word joiner)."""

_RESTORING = {"file": "is_bad", "refuted": "is_bad", "proof": "is_bad", "half": "is_half"}
"""The state after a restore failed at a stage: the backup is bad, or the live database is half changed."""

_SHA = 40

_PERMISSIONS = frozenset({Reason.NOT_ALLOWED, Reason.MEMBERSHIP_UNKNOWN})
"""The reasons whose action is what somebody may do."""

_SPANS = ("seconds", "waited", "within", "age")
"""The facts that are numbers of seconds."""

_INSTANTS = {
    Reason.LOCKED: ("since",),
    Reason.FROZEN: ("at", "until"),
    Reason.NO_OVERRIDE: ("until",),
    Reason.NOT_TO_BE_SIGNED: ("until",),
    Reason.START_MISSED: ("at", "until"),
}
"""The facts that are times in RFC 3339, by reason."""


class Translator:
    """Translates into one language.

    Args:
        language: its catalog.
    """

    def __init__(self, language: Catalog) -> None:
        self._catalog = language
        self._phrases = _Phrasebook(language.phrases)
        self._details = _Phrasebook(language.details)

    def translate(self, key: str, **values: str) -> Markup:
        """Fill the sentence of a key.

        Args:
            key: of the sentence.
            **values: by the names in `{…}`; everything but `Markup` is escaped.

        Raises:
            KeyError: the catalog has no such sentence.
        """
        return fill(self._catalog.sentences[key], values)

    def plain(self, key: str, **values: str) -> str:
        """Fill the sentence of a key for places without markup, such as a file.

        Raises:
            KeyError: the catalog has no such sentence.
        """
        return fill(self._catalog.sentences[key], {name: Markup(value) for name, value in values.items()})

    def has(self, key: str) -> bool:
        """Return whether the catalog has a sentence of this key."""
        return key in self._catalog.sentences

    def count(self, key: str, number: int, **values: str) -> Markup:
        """Fill a sentence about a number of things: `key.one` or `key.other`, with `{n}`."""
        form = "one" if number in self._catalog.one else "other"
        return self.translate(f"{key}.{form}", n=self.number(number), **values)

    def number(self, number: int) -> Markup:
        """Write a number with the language's thousands separator: `1,873`."""
        return Markup(f"{number:,}".replace(",", self._catalog.sentences["figure.thousands"]))

    def moment(self, instant: datetime) -> Markup:
        """Write a time in the reader's time zone, with the day where it is not today.

        Args:
            instant: with a time zone.
        """
        shown = self.translate("figure.moment", day=Markup("{date_short_pretty}"), time=Markup("{time}"))
        return self._date(instant, shown)

    def ago(self, instant: datetime) -> Markup:
        """Write how long ago a time is when it is read: `6 minutes ago`.

        Args:
            instant: with a time zone.
        """
        return self._date(instant, Markup("{ago}"))

    def written_out(self, instant: datetime) -> Markup:
        """Write a time in UTC, for places where Slack fills in no date.

        Args:
            instant: with a time zone.
        """
        day, month, year, clock = instant.astimezone(UTC).strftime("%d %m %Y %H:%M").split()
        return self.translate("figure.utc", day=day, month=month, year=year, clock=clock)

    def _date(self, instant: datetime, shown: str) -> Markup:
        return Markup(f"<!date^{int(instant.timestamp())}^{shown}|{self.written_out(instant)}>")

    def duration(self, seconds: float) -> Markup:
        """Format a duration: `0.4 s`, `42 s`, `3 min 10 s`, `2 h 5 min`, `7 d`.

        Args:
            seconds: zero or more.
        """
        if seconds < _FEW_SECONDS:
            return self.translate("duration.s", s=self._decimal(max(seconds, 0)).removesuffix(f"{self._point}0"))
        whole = round(seconds)
        if whole < _MINUTE:
            return self.translate("duration.s", s=str(whole))
        minutes, rest = divmod(whole, _MINUTE)
        if minutes < _MINUTE:
            return self.translate("duration.min", min=str(minutes), s=str(rest) if rest else "")
        hours, minutes = divmod(minutes, _MINUTE)
        if hours < _HOURS_IN_FULL:
            return self.translate("duration.h", h=str(hours), min=str(minutes) if minutes else "")
        days, hours = divmod(hours, 24)
        return self.translate("duration.d", d=str(days), h=str(hours) if hours else "")

    def size(self, count: int) -> Markup:
        """Format a size: `840 B`, `12.3 MB`.

        Args:
            count: number of bytes.
        """
        if count < _KIB:
            return self.translate("size.b", n=str(count))
        value, unit = count / _KIB, 0
        while value >= _KIB and unit < len(_UNITS) - 1:
            value, unit = value / _KIB, unit + 1
        return self.translate(f"size.{_UNITS[unit]}", n=self._decimal(value))

    def phrase(self, text: str) -> str:
        """Translate a text that recipes or other parts of the program write, such as the title of a step.

        Args:
            text: in English; unknown texts stay as they are.
        """
        return self._phrases.translate(text)

    def detail(self, text: str) -> str:
        """Translate a detail of a problem.

        Args:
            text: in English; what hosts, databases and tools answered stays as it is.
        """
        return self._details.translate(text)

    def _decimal(self, value: float) -> str:
        return f"{value:.1f}".replace(".", self._point)

    @property
    def _point(self) -> str:
        return self._catalog.sentences["figure.point"]

    def problem_text(self, problem: Problem) -> Markup:
        """Describe a problem."""
        return fill(self._catalog.reasons[problem.reason].wrong, _template_values(problem, self))

    def remedy_text(self, problem: Problem) -> Markup:
        """Describe how to correct a problem."""
        return fill(self._catalog.reasons[problem.reason].right, _template_values(problem, self))

    def not_done_text(self, problem: Problem) -> Markup:
        """Describe what was not done because of a problem."""
        return fill(self._catalog.reasons[problem.reason].not_done, _template_values(problem, self))

    def warning_text(self, problem: Problem) -> Markup:
        """Describe a problem that would refuse a request, and how to correct it."""
        problem = _with_mentions(problem, self)
        return Markup("\n".join(part for part in (self.problem_text(problem), self.remedy_text(problem)) if part))

    def refusal_text(self, problem: Problem) -> Markup:
        """Describe a problem that refused a request, how to correct it, and what was not done."""
        problem = _with_mentions(problem, self)
        parts = (self.problem_text(problem), self.remedy_text(problem), self.not_done_text(problem))
        return Markup("\n".join(part for part in parts if part))

    def fact(self, name: str) -> Markup:
        """Name a fact, also one about a host (`maintenance on web1`)."""
        known = self._catalog.facts
        if name in known:
            return Markup(known[name])
        if name.startswith(CHECK_FACT):
            return self.translate("fact.check", name=name.removeprefix(CHECK_FACT))
        about, _, host = name.replace(" of ", " on ").partition(" on ")
        if host and about in known:
            return self.translate("fact.on_host", fact=Markup(known[about]), host=host)
        return markup.inline(self.detail(name).replace("_", " ").replace("-", " "))


class _Phrasebook:
    """Translates whole texts; the longest text with values that matches counts.

    Args:
        known: translations by the English text, in which `{name}` matches any text.
    """

    def __init__(self, known: Mapping[str, str]) -> None:
        self._known = known
        self._patterns = tuple(
            (re.compile(_VALUE.sub(r"(?P<\1>.+)", _literal(text)), re.DOTALL), template)
            for text, template in sorted(known.items(), key=lambda item: -len(_VALUE.sub("", item[0])))
            if _VALUE.search(text)
        )

    def translate(self, text: str) -> str:
        """Translate a text; an unknown one stays as it is."""
        if text in self._known:
            return self._known[text]
        for pattern, template in self._patterns:
            if match := pattern.fullmatch(text):
                return _filled(template, match)
        return text


def fill(template: str, values: Mapping[str, str]) -> Markup:
    """Fill a template.

    Args:
        template: with `{name}` and optional parts in `[…]`.
        values: by name; a missing value outside of an optional part becomes a dash.
    """

    def optional(match: re.Match[str]) -> str:
        part = match.group(1)
        return part if all(values.get(name) for name in _VALUE.findall(part)) else ""

    def value(match: re.Match[str]) -> str:
        text = values.get(match.group(1))
        if isinstance(text, Markup):
            return text
        return markup.inline(markup.clip(text, _LONGEST_VALUE)) if text else _UNSAID

    text, inner = template, 1
    while inner:  # innermost parts first, as optional parts can be nested
        text, inner = _OPTIONAL.subn(optional, text)
    return Markup(_VALUE.sub(value, text).replace(PRESENT, "").strip())


_MAY_BE_MISSING = (
    "title", "people", "environment", "session", "query", "backup", "lacks", "extra", "primary", "busy", "lies",
)  # fmt: skip
"""Facts on whose absence a template can depend."""


def _template_values(problem: Problem, translator: Translator) -> dict[str, str]:
    """Format the facts of a problem for its templates.

    A missing fact sets `NAME_missing`, on which a template can depend.
    """
    facts = problem.facts
    shown = dict(facts)
    shown |= {name: translator.detail(facts[name]) for name in ("detail", "lacks") if name in facts}
    if problem.reason in _PERMISSIONS and translator.has(action := f"may.{facts.get('action', '')}"):
        shown["action"] = translator.translate(action)
    if facts.get("title"):
        shown["title"] = translator.phrase(facts["title"])
    if facts.get("people"):
        people = facts["people"]
        shown["people"] = people if isinstance(people, Markup) else _phrases(people, translator)
    for name in _MAY_BE_MISSING:
        if not facts.get(name):
            shown[f"{name}_missing"] = Markup(PRESENT)
    for name in ("at", "zone", "weeks"):
        shown[f"{name}_missing" if not facts.get(name) else f"{name}_there"] = Markup(PRESENT)
    if problem.reason is Reason.CHECKOUT_DIRTY:
        shown["modes_only" if facts.get("modes") else "modes_missing"] = Markup(PRESENT)
    if problem.reason is Reason.LAYOUT_UNFIT:
        shown[f"is_{facts.get('why', '')}"] = Markup(PRESENT)
    if problem.reason is Reason.NOT_RESTORABLE:
        kind = _RESTORING.get(facts.get("stage", ""), "is_hindered")
        shown[kind] = Markup(PRESENT)
        shown["is_whole"] = Markup("" if kind == "is_half" else PRESENT)
    shown |= {name: translator.duration(int(facts[name])) for name in _SPANS if facts.get(name, "").isdigit()}
    if problem.reason is Reason.DISK_FULL:
        shown |= {name: _kib(facts[name], translator) for name in ("free", "needs") if name in facts}
    if problem.reason is Reason.NO_PROVEN_BACKUP:
        shown["made"] = _instant(facts["made"], translator) if facts.get("made") else ""
    shown |= {name: facts[name][:7] for name in ("sha", "head") if len(facts.get(name, "")) == _SHA}
    if problem.reason is Reason.CHECKS_NOT_GREEN and facts.get("url"):
        shown["url"] = markup.page_link(facts["url"], markup.clip(facts["url"], _LONGEST_VALUE))
    for name in _INSTANTS.get(problem.reason, ()):
        if facts.get(name):
            shown[name] = _instant(facts[name], translator)
    if problem.reason is Reason.CANCELLED and facts.get("phase") == "verify":
        shown["checking"] = Markup(PRESENT)
    if channel := facts.get("channel"):
        shown["channel"] = markup.channel(channel)
    if problem.reason is Reason.NOT_IN_CHANNEL and _USER.fullmatch(facts.get("bot", "")):
        shown["bot"] = markup.user(facts["bot"])
    if channels := facts.get("channels"):
        shown["channels"] = Markup(", ".join(markup.channel(name) for name in channels.split(",")))
    return shown


def _literal(text: str) -> str:
    """Escape a text as a pattern, but for its `{name}`."""
    return "".join(part if _VALUE.fullmatch(part) else re.escape(part) for part in re.split(r"(\{[a-z_]+\})", text))


def _instant(text: str, translator: Translator) -> str:
    try:
        return translator.moment(datetime.fromisoformat(text))
    except ValueError:
        return text


def _phrases(people: str, translator: Translator) -> str:
    return ", ".join(map(translator.phrase, people.split(", ")))


def _with_mentions(problem: Problem, translator: Translator) -> Problem:
    """Mention the people of a problem, whom it has by Slack's IDs: one person alone reads it, so nobody is notified."""
    facts = dict(problem.facts)
    if problem.reason is Reason.LOCKED and _USER.fullmatch(facts.get("by", "")):
        facts["by"] = markup.user(facts["by"])
    if people := facts.get("people"):
        facts["people"] = Markup(", ".join(_mentioned(one, translator) for one in people.split(", ")))
    return Problem(problem.reason, facts)


def _mentioned(one: str, translator: Translator) -> Markup:
    """Mention a user or a group; a list is named."""
    if _USER.fullmatch(one):
        return markup.user(one)
    return markup.group(one) if _GROUP.fullmatch(one) else markup.inline(translator.phrase(one))


def _kib(text: str, translator: Translator) -> str:
    return translator.size(int(text) * 1024) if text.isdigit() else text


def _filled(template: str, match: re.Match[str]) -> str:
    return _VALUE.sub(lambda value: match[value.group(1)], template)
