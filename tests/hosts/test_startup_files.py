"""Which lines of start-up files may end a shell before it runs a command."""

from __future__ import annotations

import pytest

from bot.demo.host.host import DemoHost
from bot.hosts.connections import Connections
from bot.hosts.startup_files import read_startup_files, suspects

DEBIAN = "# ~/.bashrc\ncase $- in\n    *i*) ;;\n      *) return;;\nesac\nalias ll='ls -l'\nexport EXECUTOR=1\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (DEBIAN, ()),
        (DEBIAN + "exec zsh\n", ("~/.bashrc:8: exec zsh",)),
        ("\n  exit 1 # not here\n", ("~/.bashrc:2: exit 1 # not here",)),
        ("logout", ("~/.bashrc:1: logout",)),
        ("# exit 1\necho exit\nexited=1", ()),
    ],
)
def test_lines_that_end_a_shell_are_named(text: str, expected: tuple[str, ...]) -> None:
    assert suspects({".bashrc": text}) == expected


async def test_they_are_read_without_a_shell(connections: Connections, server: DemoHost) -> None:
    (server.home / ".bashrc").write_text("alias é=1\n")
    assert await read_startup_files(connections, "web1") == {".bashrc": "alias é=1\n"}
