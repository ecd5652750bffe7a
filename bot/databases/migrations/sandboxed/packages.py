"""Which packages of a commit may be downloaded before anybody approved it, by what its lock file says. Pure.

The commit's `composer.lock` and `composer.json` come from whoever wrote the commit: they are read as data, and
everything that is not plainly allowed is refused. What is downloaded is asked for by a lock file of the bot's own
(`bot.databases.migrations.sandboxed.packages_script`): what is not checked here has no effect outside of a sandbox.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

MAX_BYTES = 4 << 20
"""Size in bytes beyond which a lock file is not read."""

_MAX_PACKAGES = 5000
_MAX_TEXT = 2000
_MAX_SHOWN = 100


@dataclass(frozen=True)
class Source:
    """A git repository with a package.

    Args:
        url: of the repository.
        reference: the commit.
    """

    url: str
    reference: str


@dataclass(frozen=True)
class Archive:
    """An archive with a package.

    Args:
        kind: `zip` or `tar`.
        url: of the archive.
        reference: the commit it was made of; empty if the lock file names none.
        sha1: its checksum; empty if the lock file names none.
        mirrors: pairs of another URL's template and whether it is tried first.
    """

    kind: str
    url: str
    reference: str = ""
    sha1: str = ""
    mirrors: tuple[tuple[str, bool], ...] = ()


@dataclass(frozen=True)
class Package:
    """A package that may be downloaded.

    Args:
        name: `vendor/name`.
        version: as the lock file has it.
        archive: None if there is none.
        source: None if there is none.
    """

    name: str
    version: str
    archive: Archive | None
    source: Source | None


@dataclass(frozen=True)
class Unchanged:
    """The commit has the packages that are live."""


@dataclass(frozen=True)
class Allowed:
    """What the commit needs may be downloaded.

    Args:
        packages: those that the live application does not have; none if only other things of the lock file differ.
        live_hosts: names of the hosts that the live lock file names. Credentials are for these alone.
    """

    packages: tuple[Package, ...]
    live_hosts: tuple[str, ...]


@dataclass(frozen=True)
class Refused:
    """Something may not be downloaded before approval, so nothing is.

    Args:
        package: its name, or the file's; safe to show.
        host: where it would come from; empty if that is not the reason, or cannot be told.
        why: what is wrong, for people: the end of a sentence.
    """

    package: str
    host: str
    why: str


PackagesAnswer = Unchanged | Allowed | Refused


@dataclass(frozen=True)
class LockFiles:
    """What is read of the live checkout and of the commit; None for a file that is not there.

    Args:
        live: `composer.lock` of the live checkout.
        commit: `composer.lock` of the commit.
        manifest: `composer.json` of the commit.
    """

    live: bytes | None
    commit: bytes | None
    manifest: bytes | None


def packages_of(files: LockFiles, packages_from: tuple[str, ...]) -> PackagesAnswer:
    """Say what may be downloaded for a commit before it is approved.

    Args:
        files: of the live checkout and of the commit.
        packages_from: names of hosts that the team allows beside those of the live lock file.
    """
    try:
        return _answer(files, packages_from)
    except _RefusalError as refusal:
        return refusal.refused


class _RefusalError(Exception):
    def __init__(self, package: str, host: str, why: str) -> None:
        super().__init__(why)
        self.refused = Refused(_shown(package), _shown(host), why)


_LOCK, _MANIFEST = "composer.lock", "composer.json"


def _answer(files: LockFiles, packages_from: tuple[str, ...]) -> PackagesAnswer:
    if files.commit == files.live:
        return Unchanged()
    if files.manifest is not None:
        _check_manifest(_read(_MANIFEST, files.manifest))
    if files.commit is None:
        raise _RefusalError(_LOCK, "", "is not in the commit, so nobody can know what would be installed")
    live = _locked(_read(f"{_LOCK} (live)", files.live)) if files.live is not None else {}
    wanted = _locked(_read(_LOCK, files.commit))
    hosts = frozenset(host for entry in live.values() for host in _hosts(entry))
    changed = [entry for name, entry in wanted.items() if live.get(name) != entry]
    checked = (_checked(entry, hosts | frozenset(packages_from)) for entry in changed)
    return Allowed(tuple(package for package in checked if package is not None), tuple(sorted(hosts)))


def _read(name: str, content: bytes) -> dict[str, Any]:
    if len(content) > MAX_BYTES:
        raise _RefusalError(name, "", "is too large to be read")
    try:
        data = json.loads(content.decode("utf-8"))
    except (ValueError, RecursionError):
        raise _RefusalError(name, "", "cannot be read as JSON") from None
    if not isinstance(data, dict):
        raise _RefusalError(name, "", "is not a JSON object")
    return data


_NAME = re.compile(r"[a-z0-9]+(?:[_.-]+[a-z0-9]+)*/[a-z0-9]+(?:[_.-]+[a-z0-9]+)*")


def _locked(lock: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Give the packages of a lock file by name; those for development are never downloaded."""
    packages = lock.get("packages", [])
    if not isinstance(packages, list) or len(packages) > _MAX_PACKAGES:
        raise _RefusalError(_LOCK, "", "has no list of packages, or too long a one")
    found: dict[str, dict[str, Any]] = {}
    for entry in packages:
        name = entry.get("name") if isinstance(entry, dict) else None
        if not isinstance(name, str) or len(name) > _MAX_TEXT or _NAME.fullmatch(name.lower()) is None:
            raise _RefusalError(str(name), "", "is not the name of a package")
        if name.lower() in found:
            raise _RefusalError(name, "", "is listed twice")
        found[name.lower()] = entry
    return found


def _checked(entry: dict[str, Any], hosts: frozenset[str]) -> Package | None:
    """Check one package; None if it is part of the commit or has no files, so that nothing is downloaded."""
    name = str(entry["name"])
    version = entry.get("version")
    if not isinstance(version, str) or _VERSION.fullmatch(version) is None:
        raise _RefusalError(name, "", "has an odd version")
    dist, source = _section(entry, "dist", name), _section(entry, "source", name)
    _check_options(entry, name, local=dist is not None and dist.get("type") == "path")
    if dist is not None and dist.get("type") == "path":
        _check_path(name, dist.get("url"))
        if source is not None:
            raise _RefusalError(name, "", "is a path and has a source too")
        return None
    archive = _archive(name, dist, hosts) if dist is not None else None
    repository = _source(name, source, hosts) if source is not None else None
    return Package(name, version, archive, repository) if archive or repository else None


_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+/#@ -]{0,199}")
_REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/+-]{0,199}")
_SHA1 = re.compile(r"(?:[0-9a-f]{40})?")


def _section(entry: dict[str, Any], key: str, name: str) -> dict[str, Any] | None:
    section = entry.get(key)
    if section is not None and not isinstance(section, dict):
        raise _RefusalError(name, "", f"has an odd `{key}`")
    return section


def _archive(name: str, dist: dict[str, Any], hosts: frozenset[str]) -> Archive:
    kind = dist.get("type")
    if not isinstance(kind, str) or kind not in {"zip", "tar"}:
        raise _RefusalError(name, "", "is an archive that is neither zip nor tar")
    sha1 = dist.get("shasum")
    sha1 = "" if sha1 is None else sha1
    if not isinstance(sha1, str) or _SHA1.fullmatch(sha1) is None:
        raise _RefusalError(name, "", "has an odd checksum")
    url = _allowed(name, dist.get("url"), _HTTPS, hosts)
    mirrors = tuple(
        (_allowed(name, mirror_url, _HTTPS, hosts), preferred) for mirror_url, preferred in _mirrors(name, dist)
    )
    return Archive(kind, url, _reference(name, dist), sha1, mirrors)


def _source(name: str, source: dict[str, Any], hosts: frozenset[str]) -> Source:
    if source.get("type") != "git":
        raise _RefusalError(name, "", "has a source that is not git")
    for mirror_url, _ in _mirrors(name, source):
        _allowed(name, mirror_url, _REPOSITORY, hosts)
    reference = _reference(name, source)
    if not reference:
        raise _RefusalError(name, "", "has a source without a commit")
    return Source(_allowed(name, source.get("url"), _REPOSITORY, hosts), reference)


def _reference(name: str, section: dict[str, Any]) -> str:
    reference = section.get("reference")
    reference = "" if reference is None else reference
    if not isinstance(reference, str) or (reference and _REFERENCE.fullmatch(reference) is None):
        raise _RefusalError(name, "", "has an odd reference")
    return reference


def _mirrors(name: str, section: dict[str, Any]) -> Iterator[tuple[object, bool]]:
    mirrors = section.get("mirrors", [])
    if not isinstance(mirrors, list) or len(mirrors) > _MAX_SHOWN:
        raise _RefusalError(name, "", "has odd mirrors")
    for mirror in mirrors:
        if not isinstance(mirror, dict):
            raise _RefusalError(name, "", "has odd mirrors")
        yield mirror.get("url"), mirror.get("preferred") is True


_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
# The last label begins with a letter: an address never does, in whatever way it is written (`127.1`, `0x7f.0x1`).
_HOST = rf"(?P<host>(?:{_LABEL}\.)+[A-Za-z](?:[A-Za-z0-9-]{{0,61}}[A-Za-z0-9])?)"
_REST = r"[A-Za-z0-9._~/%+=,:@!$&*;?-]*"
_USER = r"(?:[A-Za-z_][A-Za-z0-9_-]{0,31}@)"
_HTTPS = re.compile(rf"https://{_HOST}(?::443)?/{_REST}")
_REPOSITORY = re.compile(
    rf"https://{_HOST}(?::443)?/{_REST}"
    rf"|ssh://{_USER}?{_HOST.replace('host', 'ssh', 1)}(?::22)?/{_REST}"
    rf"|{_USER}{_HOST.replace('host', 'scp', 1)}:(?!-)[A-Za-z0-9._~/+-]+"
)
_NOT_PUBLIC = re.compile(r"(?:^|\.)(?:localhost|localdomain|local|invalid|arpa)$")


def _allowed(name: str, url: object, shape: re.Pattern[str], hosts: frozenset[str]) -> str:
    """Check where something would come from, and give its URL.

    The URL is matched as a whole, so that no other program can read another host in it.
    """
    if not isinstance(url, str) or len(url) > _MAX_TEXT:
        raise _RefusalError(name, "", "has no address to be downloaded from, or an odd one")
    match = shape.fullmatch(url)
    if match is None:
        what = "https" if shape is _HTTPS else "https or ssh"
        raise _RefusalError(
            name, _guessed_host(url), f"would not come by {what} from a host with a full name and the usual port"
        )
    host = _host_of(match)
    if _NOT_PUBLIC.search(host):
        raise _RefusalError(name, host, "would come from this machine or this network")
    if host not in hosts:
        raise _RefusalError(
            name, host, "would come from a host that neither the live composer.lock nor `packages_from` names"
        )
    return url


def _host_of(match: re.Match[str]) -> str:
    return next(host for host in match.groupdict().values() if host is not None).lower()


def _guessed_host(url: str) -> str:
    """Find what may be the host of a refused URL, for people; nothing is decided by it."""
    found = re.match(r"(?:[a-z+]+:/*)?(?:[^/@]*@)?(\[[^]]*\]|[^/@:]*)", url, re.IGNORECASE)
    return found[1] if found is not None and not url.lower().startswith("file:///") else ""


def _hosts(entry: dict[str, Any]) -> Iterator[str]:
    """Name the hosts that a package of the live lock file comes from."""
    for key, shape in (("dist", _HTTPS), ("source", _REPOSITORY)):
        section = entry.get(key)
        if not isinstance(section, dict):
            continue
        mirrors = section.get("mirrors")
        listed = mirrors if isinstance(mirrors, list) else []
        for url in (section.get("url"), *(mirror.get("url") for mirror in listed if isinstance(mirror, dict))):
            match = shape.fullmatch(url) if isinstance(url, str) and len(url) <= _MAX_TEXT else None
            if match is not None and not _NOT_PUBLIC.search(_host_of(match)):
                yield _host_of(match)


def _check_options(entry: dict[str, Any], name: str, *, local: bool) -> None:
    """Refuse what would change how something is downloaded; a folder may say whether it is linked."""
    options = entry.get("transport-options")
    if options is None or options in ({}, []):
        return
    if not local or not isinstance(options, dict) or not options.keys() <= {"symlink", "relative"}:
        raise _RefusalError(name, "", "has `transport-options`, which change how it is downloaded")


_LOCAL = re.compile(r"(?:\./)?[A-Za-z0-9._@+-]+(?:/[A-Za-z0-9._@+-]+)*/?")


def _check_path(name: str, path: object, *, globs: bool = False) -> None:
    """Check that a package that is a folder lies in the commit's own files."""
    plain = path.replace("*", "x") if globs and isinstance(path, str) else path
    if not isinstance(plain, str) or len(plain) > _MAX_TEXT or _LOCAL.fullmatch(plain) is None:
        raise _RefusalError(name, "", "is a folder outside of the commit's files")
    if ".." in plain.split("/"):
        raise _RefusalError(name, "", "is a folder outside of the commit's files")


def _check_manifest(manifest: dict[str, Any]) -> None:
    """Refuse repositories of `composer.json` that are files of the host, or lie in its own network."""
    repositories = manifest.get("repositories", [])
    if isinstance(repositories, dict):
        listed = list(repositories.values())
    elif isinstance(repositories, list):
        listed = repositories
    else:
        raise _RefusalError(_MANIFEST, "", "has odd `repositories`")
    if len(listed) > _MAX_PACKAGES:
        raise _RefusalError(_MANIFEST, "", "has too many `repositories`")
    for repository in listed:
        _check_repository(repository)


def _check_repository(repository: object) -> None:
    if repository is False:
        return
    if not isinstance(repository, dict):
        raise _RefusalError(_MANIFEST, "", "has an odd repository")
    if all(value is False for value in repository.values()):
        return  # `{"packagist.org": false}` turns one off
    kind, url = repository.get("type"), repository.get("url")
    if kind in ("path", "artifact"):
        _check_path(_MANIFEST, url, globs=True)
        return
    if kind == "package":
        return  # what it describes is in the lock file, which is checked
    if not isinstance(url, str) or len(url) > _MAX_TEXT:
        raise _RefusalError(_MANIFEST, "", "has a repository without an address")
    match = _REPOSITORY.fullmatch(url) or _HTTPS.fullmatch(f"{url}/")
    if match is None or _NOT_PUBLIC.search(_host_of(match)):
        raise _RefusalError(
            _MANIFEST, _guessed_host(url), "has a repository that is not https or ssh from a host with a full name"
        )


def _shown(text: str) -> str:
    """Give a text of the commit as it may be shown: printable ASCII, and short."""
    plain = "".join(letter if " " <= letter <= "~" else "?" for letter in text)
    return plain if len(plain) <= _MAX_SHOWN else f"{plain[: _MAX_SHOWN - 1]}…"
