"""What may be called when: within Slack's limits whatever happens, and the most important first."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.playground.web_api.registry import METHODS
from bot.slack.transport.call_budget import Call, CallBudget, Importance
from tests.slack.support.strict_slack import StrictSlack, Work, post

EDIT, READ, SEED = "chat_update", "reactions_get", "reactions_add"


def granted_at_once(*calls: Call) -> int:
    budget = CallBudget()
    for call in calls:
        budget.ask(call)
    return len(budget.grant(0.0))


@pytest.mark.parametrize(
    ("call", "most"),
    [
        (Call(SEED, Importance.ESSENTIAL), 50),
        (Call(READ, Importance.ESSENTIAL), 50),
        (Call(READ, Importance.VOTE), 47),
        (Call(EDIT, Importance.VOTE), 47),
        (Call(EDIT, Importance.LAST), 45),
        (Call("usergroups_users_list", Importance.ESSENTIAL), 20),
        (Call("users_info", Importance.ESSENTIAL), 100),
        (post("C1"), 5),
    ],
)
def test_so_many_go_at_once_and_not_one_more(call: Call, most: int) -> None:
    assert granted_at_once(*[call] * (most + 10)) == most


def test_the_workspace_has_a_limit_beside_that_of_each_channel() -> None:
    assert granted_at_once(*(post(f"C{number}") for number in range(400))) == 300


def test_a_call_counts_until_the_span_after_its_answer_is_over() -> None:
    budget = CallBudget()
    turns = [budget.ask(post("C1")) for _ in range(6)]
    assert len(budget.grant(0.0)) == 5
    assert budget.next_at(0.0) == float("inf"), "none is answered yet"
    for turn in turns[:5]:
        budget.end(turn, 1.5)
    assert budget.next_at(2.0) == 6.5
    assert not budget.grant(6.4)
    assert budget.grant(6.5) == (turns[5],)


def test_what_slack_asks_to_wait_for_stops_the_whole_method_and_no_other() -> None:
    budget = CallBudget()
    budget.stop(EDIT, 30.0)
    for number in range(3):
        budget.ask(Call(EDIT, Importance.VOTE, key=str(number)))
    other = budget.ask(Call(READ, Importance.VOTE))
    assert budget.grant(0.0) == (other,)
    assert budget.next_at(0.0) == 30.0
    assert len(budget.grant(30.0)) == 3


def test_the_most_important_goes_first_and_equals_in_their_order() -> None:
    budget = CallBudget()
    holders = [budget.ask(post("C1")) for _ in range(5)]
    budget.grant(0.0)
    order = [Importance.CLOCK, Importance.STATE, Importance.ESSENTIAL, Importance.ESSENTIAL, Importance.PROGRESS]
    turns = [budget.ask(post("C1", importance)) for importance in order]
    for turn in holders:
        budget.end(turn, 0.0)
    granted = [turn for tenth in range(50, 60) for turn in budget.grant(tenth / 10)]
    assert [turns.index(turn) for turn in granted] == [2, 3, 1, 4, 0]


def test_who_asks_again_keeps_the_place() -> None:
    budget = CallBudget()
    holders = [budget.ask(post("C1")) for _ in range(5)]
    budget.grant(0.0)
    first, second = budget.ask(post("C1", key="a")), budget.ask(post("C1", key="b"))
    again = budget.ask(post("C1", key="a"), instead_of=first)
    budget.end(holders[0], 0.0)
    assert budget.grant(5.0) == (again,)
    assert not second.granted


def test_a_turn_that_was_not_used_counts_for_nothing() -> None:
    budget = CallBudget()
    turns = [budget.ask(post("C1")) for _ in range(6)]
    budget.grant(0.0)
    budget.withdraw(turns[0])
    assert budget.grant(0.0) == (turns[5],)


def test_what_every_replica_calls_is_divided_among_them_and_what_one_writes_is_not() -> None:
    budget = CallBudget()
    budget.replicas = 2
    for _ in range(60):
        budget.ask(Call(READ, Importance.ESSENTIAL))
        budget.ask(Call(SEED, Importance.ESSENTIAL))
    assert Counter(turn.call.method for turn in budget.grant(0.0)) == {READ: 25, SEED: 50}


def test_less_important_edits_leave_room_and_do_not_come_in_gusts() -> None:
    slack = StrictSlack()

    def edits(importance: Importance) -> Work:
        for _ in range(200):
            yield Call(EDIT, importance)

    slack.start(edits(Importance.PROGRESS))
    slack.start(edits(Importance.CLOCK))
    slack.run(180.0)
    times = [at for at, _ in slack.made]
    assert not slack.refused
    assert max(sum(1 for at in times if start <= at < start + 60) for start in times) <= 25
    assert max(later - earlier for earlier, later in pairwise(times)) < 6
    slack.start(edits(Importance.VOTE))
    before = len(slack.made)
    slack.run(185.0)
    assert sum(1 for _, call in slack.made[before:] if call.importance is Importance.VOTE) >= 15


calls = st.builds(
    Call,
    st.sampled_from([EDIT, READ, SEED, "usergroups_users_list", "chat_postEphemeral"]),
    st.sampled_from(list(Importance)),
) | st.builds(post, st.sampled_from(["C1", "C2"]), st.sampled_from(list(Importance)))
asked = st.lists(st.tuples(calls, st.integers(1, 60), st.floats(0, 90)), min_size=1, max_size=5)


@settings(deadline=None, max_examples=25)
@given(asked=asked, seed=st.integers(0, 1000))
def test_slack_never_has_to_ask_to_wait_and_everything_has_its_turn(
    asked: list[tuple[Call, int, float]], seed: int
) -> None:
    slack = StrictSlack(seed)

    def once(call: Call) -> Work:
        yield call

    for call, times, after in asked:
        for _ in range(times):
            slack.start(once(call), after)
    slack.run(7200.0)
    assert not slack.refused
    assert Counter(call for _, call in slack.made) == sum(
        (Counter({call: times}) for call, times, _ in asked), Counter()
    )


@settings(deadline=None, max_examples=30)
@given(noise=st.lists(st.tuples(st.sampled_from([EDIT, READ]), st.floats(0, 30)), max_size=150))
def test_outcomes_and_votes_do_not_wait_for_what_matters_less(noise: list[tuple[str, float]]) -> None:
    slack = StrictSlack()
    latencies: list[float] = []

    def unimportant(method: str) -> Work:
        yield Call(method, Importance.PROGRESS)

    def important(call: Call) -> Work:
        began = slack.now
        yield call
        latencies.append(slack.now - began)

    for method, after in noise:
        slack.start(unimportant(method), after)
    for second in range(10):
        slack.start(important(Call(EDIT, Importance.VOTE)), float(second))
        slack.start(important(Call(READ, Importance.VOTE)), float(second))
    slack.run(7200.0)
    assert max(latencies) < 0.5


def test_every_method_that_is_called_has_slacks_own_tier() -> None:
    strict = {name.replace(".", "_"): method.tier.value for name, method in METHODS.items()}
    budget = CallBudget()
    for method in ("chat_update", "chat_delete", "chat_postEphemeral", "conversations_history", "conversations_info"):
        assert budget._limit(method).calls <= strict[method][0], method
    for method in ("conversations_members", "conversations_replies", "reactions_add", "reactions_get", "users_info"):
        assert budget._limit(method).calls <= strict[method][0], method
    for method in ("usergroups_list", "usergroups_users_list", "views_open", "views_publish", "views_update"):
        assert budget._limit(method).calls <= strict[method][0], method
    for method in ("apps_connections_open", "auth_test", "chat_postMessage"):
        assert budget._limit(method).calls <= strict[method][0], method
