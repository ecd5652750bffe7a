"""A hostile branch against the running bot: before anybody has approved, it has reached nothing and told nothing."""

from __future__ import annotations

from typing import Any

import pytest

from bot.demo.application.application import Application
from tests.acceptance.conftest import NewSystem
from tests.attacks.support.canaries import Canaries, approvers_were_told, deploy_until_asked
from tests.attacks.support.hostile import push_hostile


def policy(rehearsal: str) -> dict[str, Any]:
    """One approval for a deploy, two for one that may destroy."""
    return {
        "rehearsal": rehearsal,
        "run": {"deploy": ["anyone"]},
        "approve": {
            "deploy": {"count": 1, "from": ["releasers"], "expires": "30m"},
            "destructive-migration": {"count": 2, "from": ["releasers"], "expires": "30m"},
        },
    }


@pytest.mark.parametrize("fails", [False, True], ids=["passes", "fails"])
@pytest.mark.parametrize(
    ("rehearsal", "branch"),
    [("sandbox", "evil"), ("sandbox", "main"), ("trusted", "evil"), ("never", "evil"), ("never", "main")],
)
async def test_before_approval_it_reaches_nothing_and_tells_nothing(
    new_system: NewSystem,
    laravel_at_first: Application,
    around: Canaries,
    rehearsal: str,
    branch: str,
    *,
    fails: bool,
) -> None:
    await push_hostile(laravel_at_first, around, branch, fails=fails)
    system = await new_system(scratch=True, policy=policy(rehearsal))
    await system.bot.start()
    state = await deploy_until_asked(system, around, branch)
    if state == "awaiting_approval":
        assert approvers_were_told(system) == (rehearsal == "sandbox")
    else:
        # A rehearsal that fails as production would ends the run.
        assert state == "failed"
        assert rehearsal == "sandbox"
