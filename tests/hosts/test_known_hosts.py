"""The file of known hosts: one broken line takes nothing from the others."""

from __future__ import annotations

from pathlib import Path

import asyncssh
import pytest

from bot.domain.targets.target import Host
from bot.hosts.known_hosts import KnownHostsError, add_key, is_listed, read_known_hosts

HOST = Host("web1", "web1.example.com", 2222, "deploy")
KEY = asyncssh.generate_private_key("ssh-ed25519")
LINE = " ".join(KEY.export_public_key().decode().split()[:2])


@pytest.mark.parametrize(
    "broken",
    [
        "web9.example.com",
        "web9.example.com ssh-ed25519",
        f"web9.example.com {LINE[:40]}",
        f"@maybe web9 {LINE}",
        "x y z",
    ],
    ids=["name", "kind", "half a key", "odd marker", "words"],
)
def test_a_broken_line_is_named_and_the_others_count(tmp_path: Path, broken: str) -> None:
    file = tmp_path / "known_hosts"
    file.write_text(f"# keys\n[web1.example.com]:2222 {LINE}\n{broken}\nbastion,10.0.0.5 {LINE} a comment\n")
    known = read_known_hosts(file)
    assert [line.number for line in known.broken] == [3]
    assert is_listed(known, HOST)
    assert is_listed(known, Host("bastion", "10.0.0.5", 22, "deploy"))
    assert not is_listed(known, Host("web9", "web9.example.com", 22, "deploy"))


def test_with_a_broken_line_that_revokes_no_key_counts(tmp_path: Path) -> None:
    file = tmp_path / "known_hosts"
    file.write_text(f"[web1.example.com]:2222 {LINE}\n@revoked * {LINE[:30]}\n")
    with pytest.raises(KnownHostsError, match="line 2"):
        read_known_hosts(file)


@pytest.mark.parametrize(
    "before", [None, "", f"other {LINE}", f"other {LINE}\n"], ids=["none", "empty", "no end", "line"]
)
def test_a_key_that_is_added_counts(tmp_path: Path, before: str | None) -> None:
    file = tmp_path / ".ssh" / "known_hosts"
    if before is not None:
        file.parent.mkdir()
        file.write_text(before)
    add_key(file, HOST, KEY)
    known = read_known_hosts(file)
    assert is_listed(known, HOST)
    assert known.broken == ()
    assert is_listed(known, Host("other", "other", 22, "x")) == bool(before)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(KnownHostsError, match="cannot be read"):
        read_known_hosts(tmp_path / "known_hosts")
