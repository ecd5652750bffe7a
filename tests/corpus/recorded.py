"""What became of each statement of the corpus on the servers on which it was run, as a file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bot.databases.migrations.sql.catalog import Catalog, catalog_of
from tests.corpus.outcome import Outcome, worst
from tests.corpus.server import Case, CorpusServer

FILE = Path(__file__).parent / "outcomes.json"


@dataclass(frozen=True)
class Recorded:
    """Outcomes by the key of the case and the kind of server.

    Args:
        versions: of the servers, by kind.
        catalogs: of the fresh tables there, by kind.
        outcomes: by the case's key, then by kind of server.
    """

    versions: Mapping[str, str]
    catalogs: Mapping[str, Catalog]
    outcomes: Mapping[str, Mapping[str, Outcome]]

    def worst(self, case: Case) -> Outcome:
        """Return the most harmful outcome of a case on any server."""
        return worst(list(self.outcomes[case.key].values()))


def load() -> Recorded:
    """Read the file."""
    data = json.loads(FILE.read_text()) if FILE.exists() else {"servers": {}, "catalogs": {}, "outcomes": {}}
    outcomes = {
        key: {kind: Outcome(word) for kind, word in words.items()}
        for words_by_key in data["outcomes"].values()
        for key, words in words_by_key.items()
    }
    return Recorded(data["servers"], {kind: catalog_of(rows) for kind, rows in data["catalogs"].items()}, outcomes)


def record(server: CorpusServer, cases: tuple[Case, ...]) -> None:
    """Run every case on a server, and write the outcomes beside those of the other servers.

    Args:
        server: on which they run.
        cases: all of the corpus; what is recorded of others is removed.
    """
    earlier, catalog = load(), server.catalog()
    words: dict[str, dict[str, dict[str, str]]] = {}
    for case in cases:
        kept = {kind: found.value for kind, found in earlier.outcomes.get(case.key, {}).items()}
        kept[server.kind] = server.outcome(case).value
        words.setdefault(case.family, {})[case.key] = dict(sorted(kept.items()))
    catalogs = json.loads(FILE.read_text())["catalogs"] if FILE.exists() else {}
    data = {
        "servers": dict(sorted({**earlier.versions, server.kind: server.version}.items())),
        "catalogs": dict(sorted({**catalogs, server.kind: catalog}.items())),
        "outcomes": words,
    }
    FILE.write_text(json.dumps(data, ensure_ascii=False, indent=1) + "\n")
