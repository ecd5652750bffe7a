"""Several hosts on loopback: one SSH server under several addresses, behind each of which `site` is another folder."""

from __future__ import annotations

import asyncio
import shlex
import subprocess
from pathlib import Path
from typing import Any

from bot.demo.host.host import DemoHost

_RECIPE = """\
recipe: tiny
title: Tiny

needs:
  free_mib: 1
  tools: [git]

prepare:
  - {key: preflight, title: Servers ready, does: preflight}
  - {key: fetch, title: Fetch new commits, run: git fetch --quiet origin}

change:
  - {key: checkout, title: Check out the approved commit, run: "git merge --ff-only {sha}", risk: changes}

verify:
  - {key: commit-live, title: The approved commit is live, run: 'test "$(git rev-parse HEAD)" = {sha}'}

releases:
  prepare:
    - use: preflight
    - use: fetch
    - key: release
      title: Make the release's folder
      release: new
      run: git -C {root}/repository.git worktree add --quiet --detach {root}/releases/{release} {sha}
  change:
    - key: ready
      title: Make the release ready
      release: new
      at: approved
      risk: changes
      run: git rev-parse HEAD > "$(git rev-parse --absolute-git-dir)/countersign-ready"
    - key: switch
      title: Switch to the release
      at: approved
      risk: changes
      run: cd {root} && ln -s releases/{release} current.new && mv -T current.new current && echo switched | tee -a did
      check: test "$(readlink {root}/current)" = releases/{release}
    - key: restart
      title: Restart the service
      risk: changes
      run: echo restarted >> {root}/did
"""

_FIRST = """set -eu
cd {site}
mkdir -p releases shared
git init --quiet --bare repository.git
git -C repository.git remote add origin {origin}
git -C repository.git fetch --quiet origin
sha=$(git -C repository.git rev-parse refs/remotes/origin/main)
name=20260101T000000Z-$(printf %.7s "$sha")
git -C repository.git worktree add --quiet --detach "{site}/releases/$name" "$sha"
git -C "releases/$name" rev-parse HEAD > "$(git -C "releases/$name" rev-parse --absolute-git-dir)/countersign-ready"
ln -s "releases/$name" current
"""


class Fleet(DemoHost):
    """Hosts `web1` to `webN` with a small application and `layout: releases`.

    Args:
        folder: an existing folder, its owner's alone.
        count: number of hosts.
    """

    def __init__(self, folder: Path, count: int) -> None:
        addresses = {f"web{number}": f"127.0.1.{number}" for number in range(1, count + 1)}
        super().__init__(folder, recorded=(), settings=[f"ListenAddress {address}" for address in addresses.values()])
        self.addresses = addresses
        self.site = folder / "site"
        """The folder that each host has as its own."""
        self.origin = folder / "origin"
        self.recipe = folder / "tiny.yaml"

    def place(self, host: str) -> Path:
        """Give the folder that a host has as its `site`."""
        return self.folder / "hosts" / self.addresses[host]

    def live(self, host: str) -> str:
        """Give the hash of the commit that is live on a host, by its release."""
        return (self.place(host) / "current").readlink().name.partition("-")[2]

    def did(self, host: str) -> list[str]:
        """Give what was done on a host, in order."""
        file = self.place(host) / "did"
        return file.read_text().split() if file.exists() else []

    async def commit(self, name: str) -> str:
        """Commit a file, and give the abbreviated hash."""
        await asyncio.to_thread(self._commit, name)
        return (await asyncio.to_thread(self._git, "rev-parse", "HEAD")).strip()[:7]

    def operations(self, policy: dict[str, Any], **rollout: Any) -> dict[str, Any]:
        """Give the content of an operations file.

        Args:
            policy: of the environment.
            rollout: of the environment.
        """
        login = {"user": self.user, "key": str(self.key), "known_hosts": str(self.known_hosts), "port": self.port}
        return {
            "version": 1,
            "people": {"engineers": ["U0AMELIE", "U0BOB"], "releasers": ["U0BOB"], "dbas": ["U0DBA"]},
            "hosts": {name: {"address": address, **login} for name, address in self.addresses.items()},
            "policies": {"production": policy},
            "apps": {
                "compte": {
                    "recipe": str(self.recipe),
                    "channels": ["C0OPS"],
                    "environments": {
                        "production": {
                            "policy": "production",
                            "hosts": list(self.addresses),
                            "path": str(self.site),
                            "layout": "releases",
                            "branch": "main",
                            "rollout": rollout,
                        }
                    },
                }
            },
        }

    def trust(self, port: int | None = None) -> None:
        """Write the host key to `known_hosts`, for each address."""
        algorithm, key = (self.folder / "ssh" / "host_key.pub").read_text().split()[:2]
        lines = [f"[{address}]:{self.port} {algorithm} {key}\n" for address in (self.address, *self.addresses.values())]
        self.known_hosts.write_text("".join(lines))

    def _prepare(self) -> None:
        super()._prepare()
        self.site.mkdir()
        self.recipe.write_text(_RECIPE)
        self.origin.mkdir()
        self._git("init", "--quiet", "--initial-branch", "main")
        self._commit("first")
        script = _FIRST.replace("{site}", str(self.site)).replace("{origin}", str(self.origin))
        for host in self.addresses:
            self.place(host).mkdir(parents=True)
            enter = ["bwrap", "--dev-bind", "/", "/", "--bind", str(self.place(host)), str(self.site)]
            subprocess.run([*enter, "sh", "-c", script], check=True, env=self._environment)

    def _write_config(self) -> None:
        super()._write_config()
        own = f"{shlex.quote(f'{self.folder}/hosts')}/$3"  # the address to which the connection was made
        enter = f"bwrap --dev-bind / / --bind {own} {shlex.quote(str(self.site))} /bin/sh"
        (self.folder / "ssh" / "session").write_text(
            "#!/bin/sh\ncd || exit 1\nset -- $SSH_CONNECTION\n"
            f'exec {enter} ${{SSH_ORIGINAL_COMMAND:+-c "$SSH_ORIGINAL_COMMAND"}}\n'
        )

    def _commit(self, name: str) -> None:
        (self.origin / name).write_text(name)
        self._git("add", "--all")
        self._git("-c", "user.name=A", "-c", "user.email=a@example.com", "commit", "--quiet", "-m", name)

    def _git(self, *words: str) -> str:
        done = subprocess.run(
            ["git", *words], cwd=self.origin, env=self._environment, check=True, capture_output=True, text=True
        )
        return done.stdout

    @property
    def _environment(self) -> dict[str, str]:
        return {**self.environment, "GIT_CONFIG_NOSYSTEM": "1"}
