"""What may be downloaded for a commit that nobody has approved: nothing that its lock file could make of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bot.databases.migrations.sandboxed.packages import (
    MAX_BYTES,
    Allowed,
    Archive,
    LockFiles,
    Package,
    Refused,
    Source,
    Unchanged,
    packages_of,
)

ZIP = {"type": "zip", "url": "https://api.example.com/repos/a/b/zipball/abc", "reference": "abc", "shasum": ""}
GIT = {"type": "git", "url": "https://example.com/a/b.git", "reference": "abc"}
LIVE: dict[str, Any] = {
    "name": "laravel/framework",
    "version": "v8.83.26",
    "type": "library",
    "dist": ZIP | {"url": "https://api.example.com/repos/laravel/framework/zipball/abc"},
    "source": GIT | {"url": "git@code.example.org:laravel/framework.git"},
}
NEW: dict[str, Any] = {"name": "acme/new", "version": "1.2.3", "type": "library", "dist": ZIP, "source": GIT}
GIT_HOST = ("example.com",)


def lock(*packages: Any, **other: Any) -> bytes:
    return json.dumps({"packages": list(packages), "packages-dev": [], **other}).encode()


def asked(*packages: Any, live: bytes | None = lock(LIVE), manifest: bytes | None = b"{}") -> object:
    return packages_of(LockFiles(live, lock(*packages), manifest), GIT_HOST)


def test_the_same_lock_file_needs_nothing() -> None:
    assert packages_of(LockFiles(lock(LIVE), lock(LIVE), b"not read"), ()) == Unchanged()
    assert packages_of(LockFiles(None, None, None), ()) == Unchanged()


def test_what_is_new_is_allowed_from_hosts_that_are_known() -> None:
    assert asked(LIVE, NEW) == Allowed(
        (Package("acme/new", "1.2.3", Archive("zip", ZIP["url"], "abc"), Source(GIT["url"], "abc")),),
        ("api.example.com", "code.example.org"),
    )


def test_what_differs_in_nothing_but_a_note_is_asked_for_by_nobody() -> None:
    assert packages_of(LockFiles(lock(LIVE), lock(LIVE, _readme=["x"]), None), ()) == Allowed(
        (), ("api.example.com", "code.example.org")
    )


def test_a_live_package_that_would_be_refused_is_there_already() -> None:
    odd = LIVE | {"dist": {"type": "path", "url": "../odd"}, "transport-options": {"ssl": {}}}
    assert asked(odd, live=lock(odd), manifest=b'{"x": 1}') == Unchanged()
    answer = packages_of(LockFiles(lock(odd), lock(odd, NEW | {"source": None}), None), ("api.example.com",))
    assert isinstance(answer, Allowed)
    assert [package.name for package in answer.packages] == ["acme/new"]


def test_without_a_live_lock_file_only_the_named_hosts_are_known() -> None:
    assert isinstance(asked(NEW | {"dist": None}, live=None), Allowed)
    refused = asked(NEW, live=None)
    assert isinstance(refused, Refused)
    assert (refused.package, refused.host) == ("acme/new", "api.example.com")


@pytest.mark.parametrize(
    "package",
    [
        NEW | {"source": GIT | {"url": "ssh://git@code.example.org/a/b.git"}},
        NEW | {"source": GIT | {"url": "ssh://git@code.example.org:22/a/b.git"}},
        NEW | {"source": GIT | {"url": "git@code.example.org:a/b.git"}},
        NEW | {"source": GIT | {"url": "https://EXAMPLE.com/a/b.git"}},
        NEW | {"source": GIT | {"url": "https://example.com:443/a/b.git"}},
        NEW | {"dist": ZIP | {"url": "https://api.example.com/x.zip?sha=abc&x=%20y"}},
        NEW | {"dist": ZIP | {"type": "tar", "shasum": "a" * 40}},
        NEW | {"dist": ZIP | {"mirrors": [{"url": "https://example.com/%package%/r%reference%.%type%"}]}},
        NEW | {"dist": ZIP | {"reference": None, "shasum": None}},
        NEW | {"version": "dev-feature/x#abc"},
        NEW | {"transport-options": []},
        NEW | {"notification-url": "http://127.0.0.1/"},
    ],
)
def test_what_is_usual_is_allowed(package: dict[str, Any]) -> None:
    answer = asked(LIVE, package)
    assert isinstance(answer, Allowed), answer
    assert [one.name for one in answer.packages] == ["acme/new"]


@pytest.mark.parametrize(
    "package",
    [
        {"name": "acme/meta", "version": "1", "type": "metapackage"},
        {"name": "acme/own", "version": "dev-main", "dist": {"type": "path", "url": "packages/own"}},
        {
            "name": "acme/own",
            "version": "dev-main",
            "dist": {"type": "path", "url": "./packages/own"},
            "transport-options": {"symlink": True, "relative": True},
        },
    ],
)
def test_what_lies_in_the_commit_or_has_no_files_is_not_downloaded(package: dict[str, Any]) -> None:
    answer = asked(LIVE, package)
    assert isinstance(answer, Allowed), answer
    assert answer.packages == ()


HOSTILE_URLS = {
    # schemes
    "http://api.example.com/x.zip": "api.example.com",
    "HTTPS://api.example.com/x.zip": "api.example.com",
    "ftp://api.example.com/x.zip": "api.example.com",
    "file:///etc/passwd": "",
    "file://api.example.com/x": "api.example.com",
    "/etc/passwd": None,
    "../../x": None,
    "C:\\x": None,
    "phar://x.zip": None,
    "php://filter/resource=/etc/passwd": None,
    "data:text/plain,x": None,
    "ext::sh -c touch% /tmp/x": None,
    "-oProxyCommand=touch": None,
    "--upload-pack=touch": None,
    # hosts
    "https://evil.example.net/x.zip": "evil.example.net",
    "https://api.example.com.evil.net/x.zip": "api.example.com.evil.net",
    "https://evilapi.example.com/x.zip": "evilapi.example.com",
    "https://localhost/x.zip": "localhost",
    "https://x.localhost/x.zip": "x.localhost",
    "https://intranet/x.zip": "intranet",
    "https://127.0.0.1/x.zip": "127.0.0.1",
    "https://127.1/x.zip": "127.1",
    "https://0x7f.0x1/x.zip": "0x7f.0x1",
    "https://0x7f000001/x.zip": "0x7f000001",
    "https://2130706433/x.zip": "2130706433",
    "https://0177.0.0.1/x.zip": "0177.0.0.1",
    "https://10.0.0.1/x.zip": "10.0.0.1",
    "https://169.254.169.254/latest/meta-data": "169.254.169.254",
    "https://192.168.1.1/x": "192.168.1.1",
    "https://[::1]/x.zip": "[::1]",
    "https://[fe80::1%25eth0]/x": "[fe80::1%25eth0]",
    "https://[::ffff:127.0.0.1]/x": "[::ffff:127.0.0.1]",
    "https://api.example.com./x.zip": "api.example.com.",
    "https://.example.com/x.zip": ".example.com",
    "https://-x.example.com/x.zip": "-x.example.com",
    "https://api.example.com:8443/x.zip": "api.example.com",
    "https://api.example.com:0443/x.zip": "api.example.com",
    "https://аpi.example.com/x.zip": "?pi.example.com",
    "https://x.local/x.zip": "x.local",
    # two readings
    "https://api.example.com@evil.net/x.zip": "evil.net",
    "https://user:pass@api.example.com/x.zip": "api.example.com",
    "https://api.example.com\\@evil.net/x.zip": None,
    "https://api.example.com#@evil.net/x.zip": None,
    "https://api.example.com?@evil.net/x.zip": None,
    "https://evil.net/https://api.example.com/x.zip": "evil.net",
    "https:/api.example.com/x.zip": None,
    "https:///api.example.com/x.zip": None,
    "//api.example.com/x.zip": None,
    "https://api.example.com/x.zip\nhttps://evil.net/": None,
    "https://api.example.com/x.zip\x00": None,
    "https://api.example.com\t.evil.net/": None,
    " https://api.example.com/x.zip": None,
    "https://api.example.com/x y.zip": None,
    "https://api.example.com": "api.example.com",
    "https://api.example.com/" + "x" * 2000: None,
    "": None,
}


@pytest.mark.parametrize("url", HOSTILE_URLS)
@pytest.mark.parametrize("place", ["dist", "source", "mirror", "source mirror"])
def test_a_hostile_address_is_refused_wherever_it_stands(url: str, place: str) -> None:
    package = {
        "dist": NEW | {"dist": ZIP | {"url": url}},
        "source": NEW | {"source": GIT | {"url": url}},
        "mirror": NEW | {"dist": ZIP | {"mirrors": [{"url": url, "preferred": True}]}},
        "source mirror": NEW | {"source": GIT | {"mirrors": [{"url": url}]}},
    }[place]
    answer = asked(LIVE, package)
    assert isinstance(answer, Refused), answer
    assert answer.package == "acme/new"
    host = HOSTILE_URLS[url]
    if host is not None:
        assert answer.host == host


SSH_URLS = [
    "ssh://git@127.0.0.1/x",
    "ssh://git@code.example.org:2222/x",
    "ssh://-oProxyCommand=x@code.example.org/x",
    "ssh://git:secret@code.example.org/x",
    "git@code.example.org:-x",
    "git@code.example.org:x y",
    "-x@code.example.org:x",
    "code.example.org:x",
    "git@evil.net:x",
    "git@localhost:x",
    "git://code.example.org/x",
    "git+ssh://git@code.example.org/x",
    "ssh://git@code.example.org",
]


@pytest.mark.parametrize("url", SSH_URLS)
def test_a_hostile_address_of_ssh_is_refused(url: str) -> None:
    assert isinstance(asked(LIVE, NEW | {"source": GIT | {"url": url}}), Refused)


def test_an_archive_never_comes_by_ssh() -> None:
    assert isinstance(asked(LIVE, NEW | {"dist": ZIP | {"url": "ssh://git@code.example.org/x.zip"}}), Refused)


@pytest.mark.parametrize(
    ("change", "package"),
    [
        ({"name": "../../public/x"}, "../../public/x"),
        ({"name": "acme/../../x"}, "acme/../../x"),
        ({"name": "/etc/x"}, "/etc/x"),
        ({"name": "acme"}, "acme"),
        ({"name": "acme/new\n"}, "acme/new?"),
        ({"name": "acme/\u202enew"}, "acme/?new"),
        ({"name": 7}, "7"),
        ({"name": None}, "None"),
        ({"name": "a" * 3000 + "/b"}, "a" * 99 + "…"),
        ({"version": None}, "acme/new"),
        ({"version": "-x"}, "acme/new"),
        ({"version": "1\n2"}, "acme/new"),
        ({"version": ["1"]}, "acme/new"),
        ({"dist": []}, "acme/new"),
        ({"dist": "https://api.example.com/x.zip"}, "acme/new"),
        ({"dist": {}}, "acme/new"),
        ({"dist": ZIP | {"type": "file"}}, "acme/new"),
        ({"dist": ZIP | {"type": "phar"}}, "acme/new"),
        ({"dist": ZIP | {"type": ["zip"]}}, "acme/new"),
        ({"dist": ZIP | {"url": ["https://api.example.com/x.zip"]}}, "acme/new"),
        ({"dist": ZIP | {"url": None}}, "acme/new"),
        ({"dist": ZIP | {"reference": "-x"}}, "acme/new"),
        ({"dist": ZIP | {"reference": {}}}, "acme/new"),
        ({"dist": ZIP | {"shasum": "x"}}, "acme/new"),
        ({"dist": ZIP | {"mirrors": {"url": "x"}}}, "acme/new"),
        ({"dist": ZIP | {"mirrors": ["https://api.example.com/"]}}, "acme/new"),
        ({"dist": ZIP | {"mirrors": [{}] * 200}}, "acme/new"),
        ({"source": GIT | {"type": "hg"}}, "acme/new"),
        ({"source": GIT | {"type": "path"}}, "acme/new"),
        ({"source": GIT | {"type": "svn"}}, "acme/new"),
        ({"source": GIT | {"reference": "--upload-pack=x"}}, "acme/new"),
        ({"source": GIT | {"reference": ""}}, "acme/new"),
        ({"source": GIT | {"reference": "a b"}}, "acme/new"),
        ({"transport-options": {"ssl": {"verify_peer": False}}}, "acme/new"),
        ({"transport-options": {"http": {"header": ["Host: x"]}}}, "acme/new"),
        ({"transport-options": {"symlink": False}}, "acme/new"),
        ({"dist": {"type": "path", "url": "../x"}, "source": None}, "acme/new"),
        ({"dist": {"type": "path", "url": "/etc"}, "source": None}, "acme/new"),
        ({"dist": {"type": "path", "url": "x/../../y"}, "source": None}, "acme/new"),
        ({"dist": {"type": "path", "url": "~/x"}, "source": None}, "acme/new"),
        ({"dist": {"type": "path", "url": "file:///x"}, "source": None}, "acme/new"),
        ({"dist": {"type": "path", "url": "$HOME/x"}, "source": None}, "acme/new"),
        ({"dist": {"type": "path", "url": ""}, "source": None}, "acme/new"),
        ({"dist": {"type": "path", "url": "x"}}, "acme/new"),
    ],
)
def test_an_odd_package_is_refused(change: dict[str, Any], package: str) -> None:
    answer = asked(LIVE, NEW | change)
    assert isinstance(answer, Refused), answer
    assert answer.package == package


@pytest.mark.parametrize(
    "commit",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b"null",
        b"{",
        b'{"packages": {}}',
        b'{"packages": [1]}',
        b'{"packages": [[]]}',
        b'{"packages": "x"}',
        b'{"packages": [' + b"[" * 200_000 + b"]" * 200_000 + b"]}",
        b'{"x": ' + b"9" * 100_000 + b"}",
        b" " * (MAX_BYTES + 1),
        lock(*[NEW] * 2),
        lock(NEW, NEW | {"name": "ACME/New"}),
        json.dumps({"packages": [{"name": f"a/b{number}"} for number in range(5001)]}).encode(),
    ],
)
def test_a_lock_file_that_is_none_is_refused(commit: bytes) -> None:
    answer = packages_of(LockFiles(lock(LIVE), commit, b"{}"), GIT_HOST)
    assert isinstance(answer, Refused), answer


def test_a_commit_that_drops_its_lock_file_is_refused() -> None:
    answer = packages_of(LockFiles(lock(LIVE), None, b"{}"), GIT_HOST)
    assert isinstance(answer, Refused)
    assert answer.package == "composer.lock"


REPOSITORIES: list[tuple[Any, bool]] = [
    ([], True),
    ({}, True),
    ([{"packagist.org": False}], True),
    ({"packagist": False}, True),
    ([{"type": "composer", "url": "https://repo.example.com"}], True),
    ([{"type": "vcs", "url": "git@example.com:a/b.git"}], True),
    ([{"type": "vcs", "url": "https://example.com/a/b"}], True),
    ([{"type": "path", "url": "packages/*"}], True),
    ([{"type": "path", "url": "./modules/*/src"}], True),
    ([{"type": "package", "package": {"name": "x/y"}}], True),
    ([{"type": "path", "url": "../other/*"}], False),
    ([{"type": "path", "url": "/var/www/*"}], False),
    ([{"type": "path", "url": "~/x"}], False),
    ([{"type": "artifact", "url": "/var/zips"}], False),
    ({"x": {"type": "path", "url": "../x"}}, False),
    ([{"type": "composer", "url": "file:///x"}], False),
    ([{"type": "composer", "url": "http://repo.example.com"}], False),
    ([{"type": "composer", "url": "https://localhost"}], False),
    ([{"type": "vcs", "url": "/srv/git/x"}], False),
    ([{"type": "vcs", "url": "https://10.0.0.1/x"}], False),
    ([{"type": "vcs"}], False),
    ([{"type": "vcs", "url": ["x"]}], False),
    ([7], False),
    ("x", False),
    (7, False),
    ([False] * 5001, False),
]


@pytest.mark.parametrize(("repositories", "allowed"), REPOSITORIES)
def test_repositories_of_the_manifest(repositories: Any, allowed: bool) -> None:
    manifest = json.dumps({"repositories": repositories}).encode()
    assert isinstance(asked(LIVE, NEW, manifest=manifest), Allowed if allowed else Refused)


def test_packages_for_development_are_not_downloaded_and_not_looked_at() -> None:
    bad = NEW | {"name": "acme/dev", "dist": ZIP | {"url": "http://127.0.0.1/"}}
    files = LockFiles(lock(LIVE), lock(LIVE, **{"packages-dev": [bad]}), None)
    answer = packages_of(files, ())
    assert isinstance(answer, Allowed)
    assert answer.packages == ()
