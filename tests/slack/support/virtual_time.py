"""An event loop on which time passes only when nothing is left to do."""

from __future__ import annotations

import asyncio
import selectors
import time
from collections.abc import Coroutine
from typing import Any

import pytest


class _Selector(selectors.DefaultSelector):
    """Lets the time pass in place of waiting for it."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0

    def select(self, timeout: float | None = None) -> list[Any]:
        """Return what is ready; where nothing is, let the time pass."""
        ready = super().select(0)
        if not ready:
            if timeout is None:
                raise RuntimeError("everybody waits for ever")
            self.now += max(timeout, 0.0)
        return ready


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self, selector: _Selector) -> None:
        super().__init__(selector)
        self._virtual = selector

    def time(self) -> float:
        """Return the virtual time in seconds."""
        return self._virtual.now


def run_in_virtual_time(work: Coroutine[Any, Any, None], monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a coroutine that waits for nothing outside of its event loop."""
    selector = _Selector()
    monkeypatch.setattr(time, "monotonic", lambda: selector.now)
    with asyncio.Runner(loop_factory=lambda: _Loop(selector)) as runner:
        runner.run(work)
    monkeypatch.undo()
