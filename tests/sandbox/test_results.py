import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.shell import Command, Word
from bot.sandbox.obstacles import Obstacle, Refusal
from bot.sandbox.results import Ended, FileAct, FileAttempt, Unseen, read_results, results_of

LINE = "7\tInit DB\t1796047346.943032\t61\t3\t616263\n"


def test_what_a_sandbox_left() -> None:
    results = results_of(
        {
            "facts": "unserved\t10.1.2.3\nunsettled\ttwo\n"
            "command\tone exit 3 120\ncommand\ttwo time 137 900\ncommand\tthree lost - 0\n",
            "one.output": "said",
            "one.log": LINE + "8\tQuit\t1796047346\t\t0\t\n" + "end\n",
            "two.log": LINE + LINE[:20],
        }
    )
    one, two, three = results.commands
    assert (results.refusal, results.unserved) == (None, ("10.1.2.3",))
    assert (one.ended, one.status, one.well, one.output, one.settled, one.log_complete) == (
        Ended.EXIT, 3, False, "said", True, True,
    )  # fmt: skip
    assert [(entry.session, entry.command, entry.user, entry.text) for entry in one.statements] == [
        (7, "Init DB", "a", "abc"),
        (8, "Quit", "", ""),
    ]
    assert (two.ended, two.status, two.settled, two.log_complete, len(two.statements)) == (
        Ended.TIME,
        None,
        False,
        False,
        1,
    )
    assert (three.ended, three.status, three.statements) == (Ended.LOST, None, ())


def test_what_was_done_outside_of_the_applications_folder() -> None:
    results = results_of({"facts": "touched\tone read /root/.ssh/id_rsa\ntouched\ttwo wrote /\nunseen\treads\n"})
    assert results.touched == (
        FileAttempt("one", FileAct.READ, "/root/.ssh/id_rsa"),
        FileAttempt("two", FileAct.WROTE, "/"),
    )
    assert results.unseen == (Unseen.READS,)


def test_a_refusal() -> None:
    results = results_of({"facts": "refused\tmemory\ndetail\ttoo little\n"})
    assert results.refusal == Refusal(Obstacle.MEMORY, "too little")


@pytest.mark.parametrize(
    "files",
    [
        {"facts": "no tab\n"},
        {"facts": "refused\tno such reason\n"},
        {"facts": "command\tone exit 0\n"},
        {"facts": "touched\tone read relative\n"},
        {"facts": "touched\tone read /a b\n"},
        {"facts": "touched\tone ate /a\n"},
        {"facts": "unseen\tsomething\n"},
        {"facts": "command\tone burst 0 1\n"},
        {"facts": "command\tone exit 0 1\n", "one.log": "7\tQuery\tnow\t61\t3\t616263\nend\n"},
        {"facts": "command\tone exit 0 1\n", "one.log": "7\tQuery\t1\t61\t3\t61626\nend\n"},
        {"facts": "command\tone exit 0 1\n", "one.log": "end\nend\n"},
    ],
)
def test_what_is_not_of_its_form_is_refused(files: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"not|is not a valid"):
        results_of(files)


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    for files in ({"facts": text}, {"facts": "command\tone exit 0 1\n", "one.log": text}):
        try:
            results_of(files)
        except ValueError:
            continue


def test_values_are_quoted() -> None:
    notes = Command((Word("a'; rm -rf /"),))
    told = read_results(notes, "x y", 5).script()
    assert told.startswith("notes='a'\"'\"'; rm -rf /'\nresults='x y'\nmost=5\n")
