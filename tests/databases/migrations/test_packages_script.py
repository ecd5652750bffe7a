"""Lock files read from real repositories, and packages downloaded by the real composer where there is one."""

from __future__ import annotations

import asyncio
import io
import json
import os
import shutil
import ssl
import stat
import subprocess
import zipfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bot.databases.migrations.sandboxed.download import download_script
from bot.databases.migrations.sandboxed.packages import (
    MAX_BYTES,
    Allowed,
    Archive,
    LockFiles,
    Package,
    PackagesAnswer,
    Refused,
    Source,
    Unchanged,
    packages_of,
)
from bot.databases.migrations.sandboxed.packages_script import (
    CACHE,
    INSTALL,
    fetch_text,
    lock_file,
    lock_files_of,
    lock_files_question,
)
from bot.demo.application.git import git

HOST = "repo.example.com"
ARCHIVE = Archive("zip", f"https://{HOST}/b.zip", "abc")
ALLOWED = Allowed((Package("acme/b", "1.2.3", ARCHIVE, None),), (HOST,))


async def repository(folder: Path, **files: str | bytes) -> str:
    await git(folder.parent, "init", "--quiet", folder.name)
    for name, content in files.items():
        (folder / name.replace("_", ".")).write_bytes(content if isinstance(content, bytes) else content.encode())
    await git(folder, "add", "--all")
    await git(folder, "-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "--quiet", "-m", "x", "--allow-empty")
    return await git(folder, "rev-parse", "HEAD")


def answered(path: Path, sha: str) -> LockFiles:
    text = lock_files_question(str(path), sha).script()
    return lock_files_of(subprocess.run(["sh", "-c", text], check=True, capture_output=True).stdout)


async def test_lock_files_are_read_as_they_are(tmp_path: Path) -> None:
    folder = tmp_path / "with 'blanks"
    sha = await repository(folder, composer_lock='{"new":\n1}\n', composer_json="end\n")
    (folder / "composer.lock").write_text("live 3\nend\n")
    assert answered(folder, sha) == LockFiles(b"live 3\nend\n", b'{"new":\n1}\n', b"end\n")


async def test_what_is_not_there_is_none(tmp_path: Path) -> None:
    sha = await repository(tmp_path / "app")
    assert answered(tmp_path / "app", sha) == LockFiles(None, None, None)
    sha = await repository(tmp_path / "empty", composer_lock="")
    assert answered(tmp_path / "empty", sha) == LockFiles(b"", b"", None)


async def test_too_large_a_file_is_cut_and_seen_to_be(tmp_path: Path) -> None:
    sha = await repository(tmp_path / "app", composer_lock=" " * (MAX_BYTES + 100))
    (tmp_path / "app" / "composer.lock").write_text("{}")
    read = answered(tmp_path / "app", sha)
    assert read.commit is not None
    assert len(read.commit) == MAX_BYTES + 1
    refused = packages_of(read, ())
    assert "too large" in str(refused)


async def test_filters_and_encodings_of_the_commit_change_nothing_of_what_is_read(tmp_path: Path) -> None:
    folder = tmp_path / "app"
    attributes = "composer.lock working-tree-encoding=UTF-16\n"
    sha = await repository(folder, composer_lock="{}\n".encode("utf-16"), _gitattributes=attributes)
    assert answered(folder, sha).commit == b"{}\n"


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"live 3\nab",
        b"live 3\nabc\n",
        b"live 3\nabcend\n",
        b"live x\nabc\nend\n",
        b"live 1\na\nlive 1\na\nend\n",
        b"other 1\na\nend\n",
        b"live 1\na\ncomposer.lock 1\na\ncomposer.json 1\na\nx 1\na\nend\n",
        b"composer.lock 1\n",
    ],
)
def test_an_answer_that_was_cut_is_none(answer: bytes) -> None:
    with pytest.raises(ValueError, match="lock files"):
        lock_files_of(answer)


FAKE = """#!/bin/sh
env | sort >{record}/env
printf '%s\\n' "$@" >{record}/arguments
pwd >{record}/folder
cp composer.lock composer.json "$COMPOSER_HOME/auth.json" {record}/
stat -c %a . "$COMPOSER_HOME/auth.json" >{record}/modes
exit {status}
"""


@dataclass
class Host:
    """A folder that stands for the host: an account, the live checkout, and the copy of the commit's files."""

    root: Path
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("home", "live", "work", "record", "bin"):
            (self.root / name).mkdir()

    def fake_composer(self, status: int = 0) -> None:
        program = self.root / "bin" / "composer"
        program.write_text(FAKE.format(record=self.root / "record", status=status))
        program.chmod(0o755)

    def run(self, text: str) -> subprocess.CompletedProcess[str]:
        own = {"HOME": str(self.root / "home"), "PATH": f"{self.root / 'bin'}:{os.environ['PATH']}"}
        return subprocess.run(
            ["sh", "-c", text],
            cwd=self.root / "work",
            env=own | self.environment,
            check=False,
            capture_output=True,
            text=True,
        )

    def fetch(self, allowed: Allowed = ALLOWED) -> subprocess.CompletedProcess[str]:
        return self.run(fetch_text(allowed, str(self.root / "live")))

    def record(self, name: str) -> str:
        return (self.root / "record" / name).read_text()


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


needs_php = pytest.mark.skipif(shutil.which("php") is None, reason="php is not installed")


@needs_php
def test_composer_sees_neither_secrets_nor_the_commit(host: Host) -> None:
    host.fake_composer()
    host.environment = {
        "DB_PASSWORD": "correct horse",
        "COMPOSER_AUTH": '{"http-basic": {}}',
        "COMPOSER_VENDOR_DIR": "/var/www",
        "https_proxy": "http://proxy.example.com:3128",
    }
    (host.root / "work" / "composer.json").write_text('{"config": {"vendor-dir": "/var/www"}}')
    ended = host.fetch()
    assert (ended.returncode, ended.stderr) == (0, "")
    names = {line.partition("=")[0] for line in host.record("env").splitlines()} - {"_", "PWD", "OLDPWD", "SHLVL"}
    assert names == {
        "PATH",
        "HOME",
        "LANG",
        "https_proxy",
        "COMPOSER_HOME",
        "COMPOSER_CACHE_DIR",
        "COMPOSER_ALLOW_SUPERUSER",
        "COMPOSER_NO_INTERACTION",
        "GIT_TERMINAL_PROMPT",
        "GIT_ALLOW_PROTOCOL",
        "GIT_SSH_COMMAND",
    }
    arguments = host.record("arguments").split()
    assert {"--download-only", "--no-dev", "--no-scripts", "--no-plugins", "--no-interaction"} <= set(arguments)
    assert json.loads(host.record("composer.lock")) == lock_file(ALLOWED.packages)
    assert json.loads(host.record("composer.json"))["config"]["allow-plugins"] is False
    assert not Path(host.record("folder").strip()).exists()
    assert sorted(path.name for path in (host.root / "work").iterdir()) == [CACHE, "composer.json"]


@needs_php
def test_credentials_are_for_hosts_of_the_live_lock_file_alone(host: Host) -> None:
    host.fake_composer()
    (host.root / "home" / ".composer").mkdir()
    own = {
        "http-basic": {HOST: {"username": "a", "password": "of the account"}, "other.example.com": {"username": "b"}},
        "github-oauth": {"github.com": "x"},
        "bearer": "odd",
    }
    (host.root / "home" / ".composer" / "auth.json").write_text(json.dumps(own))
    app = {"http-basic": {HOST: {"username": "a", "password": "of the application"}}, "bearer": {HOST: "y"}}
    (host.root / "live" / "auth.json").write_text(json.dumps(app))
    (host.root / "work" / "auth.json").write_text(json.dumps({"bearer": {HOST: "of the commit"}}))
    assert host.fetch().returncode == 0
    assert json.loads(host.record("auth.json")) == {
        "http-basic": {HOST: {"username": "a", "password": "of the application"}},
        "bearer": {HOST: "y"},
    }
    assert host.record("modes").split() == ["700", "600"]


@needs_php
def test_a_damaged_file_of_credentials_stops_nothing(host: Host) -> None:
    host.fake_composer()
    (host.root / "live" / "auth.json").write_text("{")
    assert host.fetch().returncode == 0
    assert json.loads(host.record("auth.json")) == {}


@needs_php
def test_a_link_of_the_commit_leads_nowhere(host: Host) -> None:
    host.fake_composer()
    outside = host.root / "outside"
    outside.mkdir()
    (outside / "kept").touch()
    (host.root / "work" / CACHE).symlink_to(outside)
    assert host.fetch().returncode == 0
    assert [path.name for path in outside.iterdir()] == ["kept"]
    assert not (host.root / "work" / CACHE).is_symlink()
    assert stat.S_IMODE((host.root / "work" / CACHE).stat().st_mode) == 0o700


@needs_php
def test_a_failed_download_is_a_failure_and_leaves_no_credentials(host: Host) -> None:
    host.fake_composer(status=4)
    assert host.fetch().returncode == 4
    assert [path.name for path in (host.root / "work").iterdir()] == [CACHE]


def test_without_composer_it_is_said(host: Host) -> None:
    for program in ("rm", "mkdir", "mktemp", "env"):
        (host.root / "bin" / program).symlink_to(shutil.which(program) or "")
    host.environment = {"PATH": str(host.root / "bin")}
    ended = subprocess.run(
        ["/bin/sh", "-c", fetch_text(ALLOWED, "/live")],
        cwd=host.root / "work",
        env=host.environment,
        check=False,
        capture_output=True,
        text=True,
    )
    assert (ended.returncode, ended.stdout) == (1, "composer is not installed\n")


def test_the_lock_file_has_nothing_but_what_was_checked() -> None:
    package = Package("a/b", "1", Archive("tar", "https://a.b/x", "r", "", (("https://c.d/%package%", True),)), None)
    [entry] = lock_file((package,))["packages"]
    assert entry == {
        "name": "a/b",
        "version": "1",
        "type": "library",
        "dist": {
            "type": "tar",
            "url": "https://a.b/x",
            "reference": "r",
            "shasum": "",
            "mirrors": [{"url": "https://c.d/%package%", "preferred": True}],
        },
    }
    [entry] = lock_file((Package("a/b", "1", None, Source("https://a.b/x.git", "r")),))["packages"]
    assert entry["source"] == {"type": "git", "url": "https://a.b/x.git", "reference": "r"}


# ── the folder of a release ──────────────────────────────────────────────────────────────────────────────────────────


@needs_php
@pytest.mark.parametrize("status", [0, 4])
async def test_what_a_release_needs_lies_in_its_own_git_folder_or_is_brought_later(host: Host, status: int) -> None:
    host.fake_composer(status=status)
    live = host.root / "live.git"
    sha = await repository(live, composer_lock="{}")
    shutil.rmtree(host.root / "work")
    await git(live, "worktree", "add", "--quiet", "--detach", str(host.root / "work"), sha)
    ended = host.run(download_script(ALLOWED, str(host.root / "live")).script())
    assert ended.returncode == 0, ended.stderr
    own = Path(await git(host.root / "work", "rev-parse", "--absolute-git-dir"))
    assert (own / CACHE).is_dir() is (status == 0)
    assert ("behind the gate" in ended.stdout) is (status != 0)
    assert host.record("folder").startswith(str(own))
    assert sorted(path.name for path in (host.root / "work").iterdir()) == [".git", "composer.lock"]


@pytest.mark.parametrize(
    ("packages", "said"),
    [
        (Unchanged(), "nothing to download"),
        (Allowed((), (HOST,)), "nothing to download"),
        (Refused("acme/b; rm -rf /", "evil.example.com", "would come from elsewhere"), "acme/b; rm -rf / (evil"),
    ],
)
def test_what_may_not_be_brought_before_approval_is_left_for_later(
    host: Host, packages: PackagesAnswer, said: str
) -> None:
    host.fake_composer()
    ended = host.run(download_script(packages, "/live").script())
    assert (ended.returncode, said in ended.stdout) == (0, True)
    assert not [*(host.root / "record").iterdir()]


# ── the real composer ────────────────────────────────────────────────────────────────────────────────────────────────


async def certificate(folder: Path) -> tuple[Path, Path]:
    """Make a key, and a certificate of the test's host that signs itself."""
    key, public = folder / "key.pem", folder / "certificate.pem"
    how = ("-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1")
    who = ("-subj", f"/CN={HOST}", "-addext", f"subjectAltName=DNS:{HOST}", "-keyout", str(key), "-out", str(public))
    process = await asyncio.create_subprocess_exec("openssl", "req", *how, *who, stderr=asyncio.subprocess.DEVNULL)
    assert await process.wait() == 0
    return key, public


@asynccontextmanager
async def registry(folder: Path, content: bytes, asked: list[str]) -> AsyncIterator[int]:
    """A proxy that answers as the test's host; what it is asked is recorded."""
    key, public = await certificate(folder)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(public, key)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readuntil(b"\r\n\r\n")).decode().splitlines()[0])
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        await writer.start_tls(context)
        asked.append((await reader.readuntil(b"\r\n\r\n")).decode())
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(content) + content)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


@pytest.mark.skipif(
    shutil.which("composer") is None or shutil.which("openssl") is None, reason="composer or openssl is not installed"
)
async def test_the_real_composer_downloads_outside_and_installs_offline(host: Host) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("b-abc/composer.json", '{"name": "acme/b"}')
        packed.writestr("b-abc/src/B.php", "<?php class B {}")
    entry: dict[str, Any] = {
        "name": "acme/b",
        "version": "1.2.3",
        "type": "library",
        "dist": {"type": "zip", "url": ARCHIVE.url, "reference": "abc", "shasum": ""},
        "require": {"php": ">=5"},
        "autoload": {"psr-4": {"Acme\\": "src/"}},
    }
    work = host.root / "work"
    canary = host.root / "ran"
    manifest = {
        "require": {"acme/b": "1.2.3"},
        "config": {"vendor-dir": "vendor", "cache-dir": str(host.root / "elsewhere")},
        "scripts": {"pre-install-cmd": f"touch {canary}", "post-install-cmd": f"touch {canary}"},
    }
    (work / "composer.json").write_text(json.dumps(manifest))
    (work / "composer.lock").write_text(json.dumps(lock_file(()) | {"packages": [entry]}))
    live = b'{"packages": [{"name": "acme/b", "version": "1", "dist": {"url": "https://repo.example.com/a.zip"}}]}'
    (host.root / "home" / ".composer").mkdir()
    credentials = {"bearer": {HOST: "secret of the registry"}}
    (host.root / "home" / ".composer" / "auth.json").write_text(json.dumps(credentials))
    allowed = packages_of(LockFiles(live, (work / "composer.lock").read_bytes(), None), ())
    assert isinstance(allowed, Allowed)
    asked: list[str] = []
    async with registry(host.root, archive.getvalue(), asked) as port:
        proxy = f"http://127.0.0.1:{port}"
        host.environment = {"https_proxy": proxy, "SSL_CERT_FILE": str(host.root / "certificate.pem")}
        ended = await asyncio.to_thread(host.fetch, allowed)
    assert ended.returncode == 0, ended.stderr
    connect, request = asked
    assert connect.startswith(f"CONNECT {HOST}:443 ")
    assert request.startswith("GET /b.zip ")
    assert "Authorization: Bearer secret of the registry" in request
    assert not (work / "vendor").exists()
    assert not canary.exists()
    assert not (host.root / "elsewhere").exists()
    host.environment = {"https_proxy": "http://127.0.0.1:9"}
    ended = await asyncio.to_thread(host.run, INSTALL)
    assert ended.returncode == 0, ended.stderr
    assert (work / "vendor" / "acme" / "b" / "src" / "B.php").read_text() == "<?php class B {}"
    assert canary.exists()
    assert not (work / CACHE).exists()
