"""Runs every statement of the corpus on a server, and records what became of the rows in tests/corpus/outcomes.json.

The server's databases `corpus` and `corpus_other` are replaced, and its global settings change: give it a server that
is thrown away afterwards, with a root account without a password.

Usage: PYTHONPATH=. scripts/record_corpus.py SOCKET | HOST:PORT
"""

from __future__ import annotations

import sys

from tests.corpus.recorded import record
from tests.corpus.server import cases, corpus_server


def main() -> None:
    """Record the outcomes of one server."""
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    host, colon, port = sys.argv[1].partition(":")
    address = {"host": host, "port": int(port)} if colon else {"unix_socket": sys.argv[1]}
    with corpus_server(**address) as server:
        record(server, cases())
        print(f"{server.kind} {server.version}: {len(cases())} statements")


if __name__ == "__main__":
    main()
