"""`countersign audit verify`: the chain, its anchors, and what runs, votes and gates say against it."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from bot.config.load import load_configuration
from bot.config.problems import ConfigurationError
from bot.config.recipe_vars import check_recipe
from bot.console.output import print_text
from bot.console.runs import Question
from bot.console.store_access import Terminal
from bot.domain.runs.history import Anchor, Fault, Head
from bot.domain.runs.history_check import (
    NEVER_COVERED,
    Disagreement,
    NotCovered,
    check_run,
    missing_run,
    unreadable_run,
)
from bot.store import StoreReader
from bot.store.history.verify import HistoryVerdict, verify

HOLDS = 0
BROKEN = 1
USAGE = 2

_PAGE = 50
_NAMED = 3
"""How many runs are named to which something that is not covered applies."""

_FAULTS = {
    Fault.CHANGED: "record {n} was changed: it is not what its hash says",
    Fault.MISSING: "record {n} is missing",
    Fault.UNLINKED: "record {n} does not follow from the one before it: one of the two was replaced",
    Fault.CUT_OFF: "record {n} and what followed it were cut off",
    Fault.END_CHANGED: "after record {n} the end is not where it was noted to be",
    Fault.REWRITTEN: "record {n} is another one than in the copy that was kept elsewhere",
}


@dataclass(frozen=True)
class AnchorSources:
    """Where anchors are looked for.

    Args:
        env: the environment file, which names the token and the operations file.
        file: exported or forwarded lines; None where there is no such file.
        slack: whether Slack is asked.
        slack_runs: how many of the newest runs of each channel are read in Slack.
    """

    env: Path
    file: Path | None
    slack: bool
    slack_runs: int


@dataclass(frozen=True)
class _Anchors:
    """The anchors that could be read.

    Args:
        found: all of them.
        unread: what could not be read, each with the reason.
    """

    found: tuple[Anchor, ...]
    unread: tuple[str, ...] = ()


@dataclass(frozen=True)
class _RunVerdict:
    """What comparing the runs with the history came to.

    Args:
        runs: how many there are.
        disagreements: all of them.
        not_covered: what could not be compared, with the runs that it is about.
    """

    runs: int
    disagreements: tuple[Disagreement, ...]
    not_covered: Mapping[str, tuple[str, ...]]


def verification(sources: AnchorSources, *, as_json: bool) -> Question:
    """Make the question whether the history holds and the store agrees with it.

    Args:
        sources: where anchors are looked for.
        as_json: whether the answer is for a script.
    """

    async def question(reader: StoreReader, terminal: Terminal) -> int:
        try:
            filed = _file_anchors(sources.file) if sources.file is not None else ()
        except (OSError, ValueError) as error:
            print_text(terminal.err, f"the anchors cannot be read: {error}")
            return USAGE
        # Read before the history, so that no anchor is of a record that comes while it is verified.
        posted = await _slack_anchors(sources) if sources.slack else _Anchors((), ("Slack: not asked",))
        anchors = _Anchors((*filed, *posted.found), posted.unread)
        chain = await verify(reader.history, anchors.found)
        runs = await _verify_runs(reader)
        if as_json:
            terminal.data(_json(chain, anchors, runs))
        else:
            for line in _lines(chain, anchors, runs):
                print_text(terminal.out, line)
        return HOLDS if chain.found is None and not runs.disagreements else BROKEN

    return question


async def _verify_runs(reader: StoreReader) -> _RunVerdict:
    count, last = 0, 0
    disagreements: list[Disagreement] = []
    not_covered: defaultdict[str, list[str]] = defaultdict(list)
    while page := await reader.history.stored_runs_after(last, _PAGE):
        for stored in page:
            findings = (unreadable_run(stored.id),) if stored.run is None else check_run(stored.run, stored.records)
            for finding in findings:
                if isinstance(finding, NotCovered):
                    not_covered[finding.what].append(finding.run)
                else:
                    disagreements.append(finding)
        count, last = count + len(page), page[-1].sequence
    disagreements += [missing_run(run, sequence) for run, sequence in await reader.history.missing_runs()]
    covered = {what: tuple(runs) for what, runs in sorted(not_covered.items())}
    return _RunVerdict(count, tuple(disagreements), covered)


async def _slack_anchors(sources: AnchorSources) -> _Anchors:
    try:
        configuration = load_configuration(sources.env, None, os.environ, check_recipe)
    except ConfigurationError:
        return _Anchors((), ("Slack: the configuration is not valid (countersign check)",))
    # Loaded here: the other commands of the console start faster without Slack.
    from bot.slack.anchors import read_anchors
    from bot.slack.transport.gateway import Gateway, build_client, open_session

    settings = configuration.settings
    channels = {channel for target in configuration.operations.targets.values() for channel in target.channels}
    async with open_session() as session:
        gateway = Gateway(build_client(settings.slack_bot_token.reveal(), settings.slack_api_url, session))
        posted = await read_anchors(gateway, channels, sources.slack_runs)
    unread = tuple(f"Slack{f' channel {where}' if where else ''}: {why}" for where, why in posted.unread.items())
    return _Anchors(posted.anchors, unread)


def _file_anchors(path: Path) -> tuple[Anchor, ...]:
    """Read each record of a file of lines; what a syslog server put before the JSON is passed over."""
    found: list[Anchor] = []
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                record = json.loads(line[line.index("{") :])
                head = Head(int(record["sequence"]), str(record["hash"]))
                found.append(Anchor(head, str(path), str(record.get("at", ""))))
            except (ValueError, KeyError, TypeError, AttributeError):
                raise ValueError(f"{path}:{number}: not a record of history as JSON") from None
    return tuple(found)


def _lines(chain: HistoryVerdict, anchors: _Anchors, runs: _RunVerdict) -> Iterator[str]:
    if chain.found is None:
        yield f"the history holds: {chain.checked} records; the last has hash {chain.head}"
    else:
        yield f"the history does not hold: {_fault(chain)}"
        yield f"the {chain.checked} records before it hold"
    yield _anchored(chain)
    for reason in anchors.unread:
        yield f"no anchors read - {reason}"
    if runs.disagreements:
        yield f"the store does not agree with the history in {len(runs.disagreements)} points:"
        yield from (f"  {disagreement}" for disagreement in runs.disagreements)
    else:
        yield f"runs, votes and gates agree with the history: {runs.runs} runs"
    for what, about in runs.not_covered.items():
        named = ", ".join(about[:_NAMED]) + (", …" if len(about) > _NAMED else "")
        yield f"not covered: {what} ({len(about)} runs: {named})"
    for what in NEVER_COVERED:
        yield f"not covered: {what}"


def _fault(chain: HistoryVerdict) -> str:
    if chain.found is None:
        return ""
    said = _FAULTS[chain.found.fault].format(n=chain.found.sequence)
    anchor = chain.contradicted
    return said if anchor is None else f"{said} ({_place(anchor)} has record {anchor.head.sequence})"


def _anchored(chain: HistoryVerdict) -> str:
    anchor = chain.anchored
    if anchor is None:
        return "unanchored: nothing outside of the store confirms it"
    after = chain.checked - anchor.head.sequence
    rest = f"; {after} later records are not anchored yet" if after > 0 else ""
    return f"anchored until record {anchor.head.sequence} ({_place(anchor)}){rest}"


def _place(anchor: Anchor) -> str:
    return f"{anchor.source}, {anchor.at}" if anchor.at else anchor.source


def _json(chain: HistoryVerdict, anchors: _Anchors, runs: _RunVerdict) -> Mapping[str, object]:
    broken = chain.found
    return {
        "holds": broken is None and not runs.disagreements,
        "records": chain.checked,
        "head": chain.head,
        "break": None
        if broken is None
        else {"sequence": broken.sequence, "fault": broken.fault.value, "says": _fault(chain)},
        "anchored": None if chain.anchored is None else _anchor_json(chain.anchored),
        "contradicted": None if chain.contradicted is None else _anchor_json(chain.contradicted),
        "anchors": len(anchors.found),
        "anchors_not_read": list(anchors.unread),
        "runs": runs.runs,
        "disagreements": [asdict(disagreement) for disagreement in runs.disagreements],
        "not_covered": [
            *({"what": what, "runs": list(about)} for what, about in runs.not_covered.items()),
            *({"what": what, "runs": []} for what in NEVER_COVERED),
        ],
    }


def _anchor_json(anchor: Anchor) -> Mapping[str, object]:
    return {"sequence": anchor.head.sequence, "hash": anchor.head.hash, "source": anchor.source, "at": anchor.at}
