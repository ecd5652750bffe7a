"""The basis of a plan: what differs from what was approved."""

import pytest

from bot.domain.runs.basis import Basis, Difference, checked_out

APPROVED = Basis({"commit": "c1", "checked out on web2": "c0", "checked out on web1": "c0", "empty": ""})


@pytest.mark.parametrize(
    ("now", "differences"),
    [
        (APPROVED, ()),
        (Basis(dict(reversed(APPROVED.facts.items()))), ()),
        (APPROVED | Basis({"commit": "c2"}), (Difference("commit", "c1", "c2"),)),
        (APPROVED | Basis({"another": "x"}), (Difference("another", "", "x"),)),
        (APPROVED | Basis({"another": ""}), ()),
        (Basis({name: APPROVED.facts[name] for name in APPROVED.facts if name != "empty"}), ()),
        (
            APPROVED | checked_out("web2", "c3") | checked_out("web1", ""),
            (Difference("checked out on web1", "c0", ""), Difference("checked out on web2", "c0", "c3")),
        ),
        (
            Basis(),
            (
                Difference("checked out on web1", "c0", ""),
                Difference("checked out on web2", "c0", ""),
                Difference("commit", "c1", ""),
            ),
        ),
    ],
)
def test_every_fact_that_changed_is_named_and_no_other(now: Basis, differences: tuple[Difference, ...]) -> None:
    assert APPROVED.differences(now) == differences


def test_the_commit_of_each_host() -> None:
    assert APPROVED.checked_out == {"web1": "c0", "web2": "c0"}
