"""Where a host keeps the journal of a run."""

import pytest

from bot.domain.runs.journal_layout import JournalLayout, layout_of, notes_folder, run_folder


def test_a_row_without_a_version_is_of_the_first_layout() -> None:
    assert layout_of({}) is JournalLayout.RUN
    assert layout_of({"journal": "2", "backup": "B-1"}) is JournalLayout.RUN_AND_PLACE
    with pytest.raises(ValueError, match="4"):
        layout_of({"journal": "4"})


def test_no_two_places_share_a_folder() -> None:
    assert run_folder("R-7K3F9Q", "web1", JournalLayout.RUN) == "R-7K3F9Q"
    assert run_folder("R-7K3F9Q", "web1", JournalLayout.RUN_AND_PLACE) == "R-7K3F9Q@web1"
    told = notes_folder("R-7K3F9Q", "web-2.example", JournalLayout.RUN_AND_PLACE).script()
    assert told == '"${XDG_STATE_HOME:-$HOME/.local/state}"/countersign/R-7K3F9Q@web-2.example/.marks'


@pytest.mark.parametrize("place", ["", "../x", "a/b", "a b", "a@b", "-", "a\nb", "$(id)"])
def test_a_place_that_is_not_safe_in_a_path_is_refused(place: str) -> None:
    for layout in JournalLayout:
        with pytest.raises(ValueError, match="not the identity"):
            run_folder("R-7K3F9Q", place, layout)
