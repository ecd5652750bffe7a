"""Runs as the bot remembers them, for what asks whether one is over."""

from dataclasses import dataclass, replace

from bot.domain.runs.run import Run, RunState
from tests.support.examples import RUN


@dataclass(frozen=True)
class Remembered:
    """Runs by ID, and the state that each is in."""

    states: dict[str, RunState]

    async def get(self, run: str) -> Run | None:
        return replace(RUN, id=run, state=self.states[run]) if run in self.states else None
