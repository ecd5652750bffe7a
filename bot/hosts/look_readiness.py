"""The part of a look that reads what planned steps will need: services, folders that are written, files in the way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bot.domain.shell import Part, Syntax, Word
from bot.domain.targets.look import HostQuestion, ServiceAct, ServiceFacts, SudoAnswer
from bot.hosts.sudo_rules import judge

_MAX_NAMED = 20

# A stand-in for systemctl, or a host without systemd, says nothing; then nothing is known.
_SUDO = """
section sudo
value "$(id -u)"
command -v sudo >/dev/null 2>&1 && value "$(sudo -n -l 2>/dev/null </dev/null)"
section units
"""
_UNIT = """value "$unit"
value "$(systemctl show -p LoadState "$unit" 2>/dev/null </dev/null)"
"""
_FOLDER = """
if [ -d "$path/$folder" ]; then
  [ -w "$path/$folder" ] && [ -x "$path/$folder" ] || value "$folder"
fi
"""
_FILES = """
if [ -d "$path/$folder" ]; then
  find "$path/$folder" -maxdepth 1 -type f ! -user "$(id -u)" 2>/dev/null | head -n 200 | while IFS= read -r file; do
    [ -w "$file" ] || value "$folder/${file##*/}"
  done
fi
"""
_IN_THE_WAY = """
section in-the-way
if [ -n "$sha" ] && [ -n "$head" ] && [ "$sha" != "$head" ]; then
  ask diff-tree -r -z --name-only --no-renames --diff-filter=A "$head" "$sha" -- 2>/dev/null |
    (
      cd -- "$path" && GIT_LITERAL_PATHSPECS=1 && export GIT_LITERAL_PATHSPECS &&
        xargs -0 -r -n 200 git ls-files -z --others --exclude-standard -- 2>/dev/null
    )
fi
"""


@dataclass(frozen=True)
class Readiness:
    """What was read.

    Args:
        services: the requested acts on services.
        unwritable: requested folders that are there and cannot be written.
        foreign: files in the requested folders that belong to somebody else and cannot be written; the first 20.
        in_the_way: untracked files that the ref's commit has too; the first 20.
    """

    services: tuple[ServiceFacts, ...] = ()
    unwritable: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()
    in_the_way: tuple[str, ...] = ()


def readiness_parts(question: HostQuestion) -> Iterator[Part]:
    """Write the part of the script; it reads only.

    Args:
        question: what to read. Nothing is in the way of a release, which gets a folder of its own.
    """
    if question.services:
        yield Syntax(_SUDO)
        for unit in dict.fromkeys(act.unit for act in question.services):
            yield from (Syntax("unit="), Word(unit), Syntax("\n"), Syntax(_UNIT))
    if question.writes:
        yield Syntax("section unwritable\n")
        for folder in question.writes:
            yield from (Syntax("folder="), Word(folder), Syntax(_FOLDER))
        yield Syntax("section foreign\n")
        for folder in question.writes:
            yield from (Syntax("folder="), Word(folder), Syntax(_FILES))
    if question.ref is not None and not question.releases:
        yield Syntax(_IN_THE_WAY)


def parse_readiness(question: HostQuestion, sections: Mapping[str, tuple[str, ...]]) -> Readiness:
    """Read what the part printed.

    Args:
        question: what was asked.
        sections: of the answer.
    """
    told = sections.get("units", ())
    states = dict(zip(told[::2], told[1::2], strict=False))
    sudo = sections.get("sudo", ())
    return Readiness(
        services=tuple(
            ServiceFacts(act, _sudo(sudo, act), _exists(states.get(act.unit, ""))) for act in question.services
        ),
        unwritable=sections.get("unwritable", ()),
        foreign=sections.get("foreign", ())[:_MAX_NAMED],
        in_the_way=sections.get("in-the-way", ())[:_MAX_NAMED],
    )


def _sudo(sudo: tuple[str, ...], act: ServiceAct) -> SudoAnswer:
    """Judge by the account's number and what sudo lists; root needs no permission."""
    if sudo[:1] == ("0",):
        return SudoAnswer.ALLOWED
    if len(sudo) == 1:
        return SudoAnswer.MISSING
    return judge(sudo[1], act) if sudo else SudoAnswer.UNKNOWN


def _exists(state: str) -> bool | None:
    match state.strip():
        case "LoadState=not-found" | "LoadState=masked":
            return False
        case "LoadState=loaded":
            return True
    return None
