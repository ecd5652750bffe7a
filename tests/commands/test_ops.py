"""What `/ops` takes and what it refuses."""

from dataclasses import replace

import pytest

from bot.domain.errors import Reason, RefusedError
from bot.domain.names import TargetName
from bot.domain.ops_command import CancelRun, Order, SetLock, ShowHelp, ShowStatus, TakeLockOff
from bot.domain.runs.request import Origin
from commands.ops import Ops
from tests.support.examples import NAME, OPERATIONS, ORIGIN, TARGET

STAGING = TargetName("compte", "staging")
SHOP = TargetName("shop", "production")
AWAY = TargetName("shop", "away")
HERE = {
    name: replace(TARGET, name=name, channels=("C0ELSE",) if name == AWAY else TARGET.channels)
    for name in (NAME, STAGING, SHOP, AWAY)
}
SEVERAL = replace(OPERATIONS, targets=HERE)


def parse(text: str, channel: str = ORIGIN.channel) -> Order:
    return Ops().parse(tuple(text.split()), Origin("U0AMELIE", channel, "Ev1"), SEVERAL)


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("", ShowStatus((NAME, STAGING, SHOP))),
        ("status", ShowStatus((NAME, STAGING, SHOP))),
        ("STATUS compte", ShowStatus((NAME, STAGING))),
        ("status shop", ShowStatus((SHOP,))),
        ("status compte staging", ShowStatus((STAGING,))),
        ("help", ShowHelp((NAME, STAGING, SHOP))),
        ("cancel r-7k3f9q", CancelRun("R-7K3F9Q")),
        ("cancel 7K3F9Q", CancelRun("R-7K3F9Q")),
        ("lock compte production the big inventory --until then", SetLock(NAME, "the big inventory --until then")),
        ("unlock compte production", TakeLockOff(NAME)),
    ],
)
def test_what_is_understood(text: str, order: Order) -> None:
    assert parse(text) == order


def test_a_channel_without_targets_has_none() -> None:
    assert parse("", "C0NONE") == ShowStatus(())


@pytest.mark.parametrize(
    ("text", "reason", "facts"),
    [
        ("statsu", Reason.BAD_OPTION, {"nearest": "status"}),
        ("status comte", Reason.UNKNOWN_APP, {"nearest": "compte"}),
        ("status compte prodution", Reason.UNKNOWN_ENVIRONMENT, {"nearest": "production"}),
        ("status shop away", Reason.WRONG_CHANNEL, {"channels": "C0ELSE"}),
        ("status compte production extra", Reason.USAGE, {"extra": "extra"}),
        ("cancel", Reason.USAGE, {"usage": "/ops cancel RUN"}),
        ("cancel nonsense", Reason.UNKNOWN_RUN, {"run": "nonsense"}),
        ("cancel R-7K3F9Q now", Reason.USAGE, {"extra": "now"}),
        ("lock", Reason.USAGE, {"usage": "/ops lock APP ENV REASON"}),
        ("lock compte", Reason.USAGE, {"environments": "production, staging"}),
        ("lock compte production", Reason.USAGE, {"usage": "/ops lock APP ENV REASON"}),
        ("lock shop away because", Reason.WRONG_CHANNEL, {}),
        (f"lock compte production {'x' * 201}", Reason.USAGE, {"extra": "x"}),
        ("unlock compte production please", Reason.USAGE, {"extra": "please"}),
        ("help me", Reason.USAGE, {"extra": "me"}),
    ],
)
def test_what_is_refused(text: str, reason: Reason, facts: dict[str, str]) -> None:
    with pytest.raises(RefusedError) as refused:
        parse(text)
    assert refused.value.problem.reason is reason
    assert facts.items() <= refused.value.problem.facts.items()


def test_an_app_of_other_channels_says_where_to_ask() -> None:
    with pytest.raises(RefusedError) as refused:
        parse("status compte", "C0ELSE")
    assert refused.value.problem.reason is Reason.WRONG_CHANNEL
