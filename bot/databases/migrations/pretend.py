"""The statements that Laravel prints for `artisan migrate --pretend`, by migration. Pure."""

from __future__ import annotations

import re

_OLD_FORM = re.compile(r"^(?P<label>(?:[A-Z]\w*|\d{4}_\d\d_\d\d_\d{6}_\w+)): (?P<sql>\S.*)$")
"""Laravel to version 8: `AddTokenId: alter table …`; of an anonymous class, the migration's own name."""

_HEADING = re.compile(r"^ {1,2}(?P<label>[^\s⇂]\S*) \.{2,}")
"""Laravel since version 9: the migration's name and dots."""

_BULLET = re.compile(r"^\s*⇂ ?(?P<sql>.*)$")
_CHATTER = re.compile(r"^\s*(?:INFO|WARN|Nothing to |Migrating:|Migrated:|Rolling back:|Rolled back:|\*+\s*$|\*\s)")


def parse_pretend(text: str) -> tuple[tuple[str, str], ...]:
    """Read what `artisan migrate` or `migrate:rollback` printed with `--pretend`, as version 8 does or 9 and later do.

    Args:
        text: its output, without colours.

    Returns:
        Pairs of what the migration is called there (its class, or its name) and a statement, in order.
    """
    found: list[tuple[str, list[str]]] = []
    heading = ""
    for line in text.splitlines():
        if (match := _HEADING.match(line)) is not None:
            heading = match["label"]
        elif (match := _BULLET.match(line)) is not None:
            found.append((heading, [match["sql"]]))
        elif not heading and (match := _OLD_FORM.match(line)) is not None:
            found.append((match["label"], [match["sql"]]))
        elif found and line.strip() and not _CHATTER.match(line):
            found[-1][1].append(line)
    return tuple((label, "\n".join(lines).strip()) for label, lines in found)
