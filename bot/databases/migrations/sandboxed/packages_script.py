"""The shell texts that read lock files on a host, download a commit's packages, and install them. Pure.

Outside of a sandbox composer gets a folder of its own with a lock file that the bot wrote. So the `composer.json` of
the commit, which may say where packages are put, from where they come and what runs, has no effect there. It only
downloads (`--download-only`): nothing is unpacked. Composer inside the sandbox then finds it all in its cache.
"""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

from bot.databases.migrations.sandboxed.packages import MAX_BYTES, Allowed, LockFiles, Package
from bot.domain.shell import Command, Syntax, Word, script_with

CACHE = ".countersign-composer"
"""Folder in the copy of the commit's files that holds what was downloaded."""

_FETCH = resources.files("bot.databases").joinpath("scripts", "fetch_packages.sh").read_text(encoding="utf-8")

INSTALL = (
    f'COMPOSER_ALLOW_SUPERUSER=1 COMPOSER_DISABLE_NETWORK=1 COMPOSER_CACHE_DIR="$PWD/{CACHE}" '
    f'composer install --no-dev --no-interaction && rm -rf "$PWD/{CACHE}"'
)
"""Installs what was downloaded, with plugins and scripts; confined, in the copy of the commit's files."""

_READ = """
tell() {
  printf '%s %s\\n' "$1" "$(wc -c <"$2" | tr -d ' ')"
  head -c "$most" "$2"
  printf '\\n'
}
work=$(mktemp -d "${TMPDIR:-/tmp}/countersign-look.XXXXXX") || exit 1
trap 'rm -rf "$work"' 0
trap 'exit 1' 1 2 15
cd -- "$path" || exit 1
if [ -f composer.lock ]; then tell live composer.lock; fi
for file in composer.lock composer.json; do
  if GIT_OPTIONAL_LOCKS=0 git cat-file blob "$sha:$file" >"$work/file" 2>/dev/null; then tell "$file" "$work/file"; fi
done
printf 'end\\n'
"""


def lock_files_question(path: str, sha: str) -> Command:
    """Write the command that prints the lock files of a checkout and of a commit, for `lock_files_of`.

    Args:
        path: of the live checkout.
        sha: of the commit.
    """
    # One byte more than is read, so that too large a file is seen to be one.
    parts = (Syntax("path="), Word(path), Syntax("\nsha="), Word(sha), Syntax(f"\nmost={MAX_BYTES + 1}"), Syntax(_READ))
    return Command(parts)


def lock_files_of(answer: bytes) -> LockFiles:
    """Read what such a command printed.

    Raises:
        ValueError: it was cut, or is of another form.
    """
    files: dict[str, bytes] = {}
    rest = answer
    while rest != b"end\n":
        header, line, rest = rest.partition(b"\n")
        name, space, size = header.partition(b" ")
        if not line or not space or not size.isdigit() or name.decode("ascii", "replace") in files:
            raise ValueError("not the answer about lock files, or a part of it")
        there = min(int(size), MAX_BYTES + 1)
        files[name.decode("ascii", "replace")], rest = rest[:there], rest[there:]
        if len(files) > len(_KEYS) or not rest.startswith(b"\n"):
            raise ValueError("not the answer about lock files, or a part of it")
        rest = rest[1:]
    if not files.keys() <= _KEYS:
        raise ValueError("not the answer about lock files")
    return LockFiles(files.get("live"), files.get("composer.lock"), files.get("composer.json"))


_KEYS = frozenset({"live", "composer.lock", "composer.json"})


def fetch_text(allowed: Allowed, path: str) -> str:
    """Write the shell text that downloads packages; it runs in the copy of the commit's files.

    Args:
        allowed: what may be downloaded.
        path: of the live checkout, whose `auth.json` may hold credentials for its hosts.
    """
    values = {
        "lock": json.dumps(lock_file(allowed.packages), indent=1),
        "manifest": json.dumps(_MANIFEST),
        "hosts": "\n".join(allowed.live_hosts),
        "live": path,
        "cache": CACHE,
    }
    return script_with(_FETCH, **values).script()


_MANIFEST: dict[str, Any] = {
    "config": {
        "allow-plugins": False,
        "notify-on-install": False,
        "preferred-install": "dist",
        "secure-http": True,
    },
    "repositories": [{"packagist.org": False}],
}


def lock_file(packages: tuple[Package, ...]) -> dict[str, Any]:
    """Give the lock file that asks for some packages, and for nothing else."""
    return {
        "content-hash": "",
        "packages": [_entry(package) for package in packages],
        "packages-dev": [],
        "aliases": [],
        "minimum-stability": "dev",
        "stability-flags": {},
        "prefer-stable": False,
        "prefer-lowest": False,
        "platform": {},
        "platform-dev": {},
        "plugin-api-version": "2.0.0",
    }


def _entry(package: Package) -> dict[str, Any]:
    entry: dict[str, Any] = {"name": package.name, "version": package.version, "type": "library"}
    if package.source is not None:
        entry["source"] = {"type": "git", "url": package.source.url, "reference": package.source.reference}
    archive = package.archive
    if archive is not None:
        mirrors = [{"url": url, "preferred": preferred} for url, preferred in archive.mirrors]
        entry["dist"] = {
            "type": archive.kind,
            "url": archive.url,
            "reference": archive.reference,
            "shasum": archive.sha1,
            **({"mirrors": mirrors} if mirrors else {}),
        }
    return entry
