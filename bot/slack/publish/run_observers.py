"""Passes changes of runs on to what publishes them."""

from __future__ import annotations

from bot.engine.ports import RunObserver


class RunObservers:
    """Passes changes on to several observers; before there are any, to nobody. Implements `RunObserver`."""

    def __init__(self) -> None:
        self._observers: tuple[RunObserver, ...] = ()

    def add(self, *observers: RunObserver) -> None:
        """Pass further changes on to these as well."""
        self._observers += observers

    def run_changed(self, run: str) -> None:
        """Pass a change on to each of them; returns at once."""
        for observer in self._observers:
            observer.run_changed(run)
