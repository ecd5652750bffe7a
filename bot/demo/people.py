"""The keys of the demonstration's people: each has one, as on a machine of their own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import asyncssh

from bot.demo.workspace import ENGINEER, ONCALL, RELEASER

_NAMES = {ENGINEER: "amelie", RELEASER: "bob", ONCALL: "noor"}


class PeopleKeys:
    """Makes a key for each person.

    Args:
        folder: where the private keys are kept.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700)
        self._files: dict[str, Path] = {}
        self._public: dict[str, str] = {}
        for user, name in _NAMES.items():
            key = asyncssh.generate_private_key("ssh-ed25519", comment=name)
            file = folder / name
            file.touch(mode=0o600)
            key.write_private_key(file)
            key.write_public_key(file.with_suffix(".pub"))
            self._files[user] = file
            self._public[user] = key.export_public_key().decode().strip()

    @property
    def signers(self) -> Mapping[str, list[str]]:
        """The section `signers` of the operations file."""
        return {user: [line] for user, line in self._public.items()}

    def command(self, user: str) -> str:
        """Give the command by which somebody signs the plan that they saved from the thread.

        Args:
            user: the person.
        """
        return f"countersign sign plan.txt --key {self._files[user]}"
