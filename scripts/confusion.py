"""Prints how what the classifier of statements says compares with what the statements of the corpus really did.

Rows are what happened on a server, columns are what the classifier says; from tests/corpus/outcomes.json.

Usage: PYTHONPATH=. scripts/confusion.py [--list]
    --list  also every statement that kept all data and is called unknown or destroying although the tables are known
"""

from __future__ import annotations

import sys
from collections.abc import Mapping

from tests.corpus.outcome import Outcome
from tests.corpus.recorded import load
from tests.corpus.server import cases
from tests.corpus.verdict import Verdict, confusion, verdict


def table(title: str, counted: Mapping[tuple[Outcome, Verdict], int]) -> str:
    """Write one table in Markdown."""
    lines = [f"{title}\n", "| | " + " | ".join(Verdict) + " |", "| --- |" + " ---: |" * len(Verdict)]
    for outcome in reversed(Outcome):
        numbers = " | ".join(str(counted.get((outcome, said), 0)) for said in Verdict)
        lines.append(f"| {outcome} | {numbers} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Print a table for each kind of server, without and with a catalog."""
    corpus, recorded = cases(), load()
    print(f"{len(corpus)} statements\n")
    for kind, version in recorded.versions.items():
        for known in (False, True):
            title = f"{kind} {version}, {'tables known' if known else 'nothing known of the tables'}"
            print(table(title, confusion(corpus, recorded, (kind,), known)))
    if "--list" in sys.argv:
        for case in corpus:
            for kind, catalog in recorded.catalogs.items():
                outcome, said = recorded.outcomes[case.key][kind], verdict(case, catalog)
                if outcome in {Outcome.NOTHING, Outcome.CHANGED} and said is not Verdict.HARMLESS:
                    print(f"{kind} {outcome} {said} {case.family}: {case.key}")


if __name__ == "__main__":
    main()
