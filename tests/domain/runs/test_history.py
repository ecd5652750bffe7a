"""The chain of the history: what was changed, taken out or moved is found."""

from dataclasses import replace

import pytest

from bot.domain.runs.history import GENESIS, Entry, Record, chained, first_break


def chain(length: int) -> list[Record]:
    records: list[Record] = []
    before = GENESIS
    for number in range(1, length + 1):
        record = chained(
            number, f"2026-11-22T10:00:{number:02}Z", Entry("R-1", "event", "bot", {"n": str(number)}), before
        )
        records.append(record)
        before = record.hash
    return records


def test_an_untouched_chain_holds() -> None:
    assert first_break(chain(5)) is None
    assert first_break([]) is None


@pytest.mark.parametrize("place", [0, 2, 4])
def test_a_changed_record_is_found(place: int) -> None:
    records = chain(5)
    records[place] = replace(records[place], entry=replace(records[place].entry, actor="UEVE"))
    assert first_break(records) == place + 1


@pytest.mark.parametrize("place", [0, 2])
def test_a_record_that_was_taken_out_is_found(place: int) -> None:
    records = chain(5)
    del records[place]
    assert first_break(records) == place + 1


def test_a_rewritten_record_with_a_fitting_hash_is_found_at_the_next() -> None:
    records = chain(5)
    forged = records[1]
    records[1] = chained(forged.sequence, forged.at, replace(forged.entry, actor="UEVE"), forged.before)
    assert first_break(records) == 3
