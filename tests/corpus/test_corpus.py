"""The classifier never calls a statement harmless that has destroyed rows or values on a real server."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from bot.demo.host.database import DatabaseServer
from tests.corpus.outcome import Outcome
from tests.corpus.recorded import load
from tests.corpus.server import Case, CorpusServer, cases, corpus_server
from tests.corpus.verdict import Verdict, verdict

CASES = cases()
FAMILIES = sorted({case.family for case in CASES})
RECORDED = load()
OPTIONS = ("--innodb-flush-log-at-trx-commit=0", "--local-infile=1", "--skip-general-log")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def private(servers_folder: Path) -> AsyncIterator[DatabaseServer]:
    """A server of the corpus's own: its statements change settings of the whole server."""
    folder = servers_folder / "corpus"
    folder.mkdir()
    async with DatabaseServer(folder, OPTIONS) as server:
        yield server


@pytest.fixture(scope="module")
def server(private: DatabaseServer) -> Iterator[CorpusServer]:
    with corpus_server(unix_socket=str(private.socket)) as opened:
        yield opened


def test_the_corpus_is_large_and_every_case_was_run_on_both_kinds_of_server() -> None:
    assert len({case.key for case in CASES}) == len(CASES) >= 500
    assert {case.key for case in CASES} == RECORDED.outcomes.keys()
    assert {frozenset(found) for found in RECORDED.outcomes.values()} == {frozenset({"mariadb", "mysql"})}
    for kind in ("mariadb", "mysql"):
        found = [outcomes[kind] for outcomes in RECORDED.outcomes.values()]
        assert found.count(Outcome.DESTROYED) > 200
        assert len(found) - found.count(Outcome.REFUSED) > 500


@pytest.mark.parametrize("kind", ["mariadb", "mysql"])
@pytest.mark.parametrize("family", FAMILIES)
def test_what_destroyed_on_either_kind_of_server_is_never_called_harmless(family: str, kind: str) -> None:
    catalog = RECORDED.catalogs[kind]
    assert not [
        (case.key, known is not None)
        for case in CASES
        for known in (None, catalog)
        if case.family == family
        and RECORDED.outcomes[case.key][kind] is Outcome.DESTROYED
        and verdict(case, known) is Verdict.HARMLESS
    ]


@pytest.mark.parametrize("family", FAMILIES)
def test_the_server_at_hand_does_what_is_recorded(family: str, server: CorpusServer) -> None:
    measured = {case: server.outcome(case) for case in CASES if case.family == family}
    assert not [case.key for case, found in measured.items() if _is_missed(case, found)]
    if server.version == RECORDED.versions[server.kind]:
        different = {case.key: found for case, found in measured.items() if found is not _recorded(case, server)}
        assert different == {}


def _is_missed(case: Case, found: Outcome) -> bool:
    return found is Outcome.DESTROYED and verdict(case, None) is Verdict.HARMLESS


def _recorded(case: Case, server: CorpusServer) -> Outcome:
    return RECORDED.outcomes[case.key][server.kind]
