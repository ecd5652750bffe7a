"""What the classifier says of a case, and how that compares with what really happened."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from enum import StrEnum

from bot.databases.migrations.sql.catalog import Catalog
from bot.databases.migrations.sql.ddl import DESTROYS, EffectKind, read_statements
from tests.corpus.outcome import Outcome
from tests.corpus.recorded import Recorded
from tests.corpus.server import Case


class Verdict(StrEnum):
    """What the classifier says, from harmless to harmful."""

    HARMLESS = "harmless"
    UNKNOWN = "unknown"
    """It asks for the approvals of what destroys."""
    DESTROYS = "destroys"


def verdict(case: Case, catalog: Catalog | None) -> Verdict:
    """Classify a case.

    Args:
        case: its statements are read in order, as those of one migration are.
        catalog: of the database before; None where it is not known.
    """
    effects = {effect.kind for effect in read_statements((*case.given, case.sql), catalog)[-1].effects}
    if effects & DESTROYS:
        return Verdict.DESTROYS
    return Verdict.UNKNOWN if EffectKind.UNKNOWN in effects else Verdict.HARMLESS


def confusion(
    cases: tuple[Case, ...], recorded: Recorded, kinds: tuple[str, ...], catalog_known: bool
) -> Mapping[tuple[Outcome, Verdict], int]:
    """Count the cases by what happened on servers of some kinds, and by the classifier's verdict.

    Args:
        cases: all of the corpus.
        recorded: what happened.
        kinds: of the servers.
        catalog_known: whether the classifier gets the server's catalog.
    """
    counted: Counter[tuple[Outcome, Verdict]] = Counter()
    for kind in kinds:
        catalog = recorded.catalogs[kind] if catalog_known else None
        for case in cases:
            counted[recorded.outcomes[case.key][kind], verdict(case, catalog)] += 1
    return counted
