"""The folders of `layout: releases` on a host, and whether requests survive a reload of php-fpm there."""

from __future__ import annotations

from bot.console.doctor_checks.check_result import CheckResult, fail, ok, warn
from bot.domain.shell import Command, Syntax, assignments
from bot.domain.targets.layout import Releases
from bot.domain.targets.target import Target
from bot.hosts.connections import Connections

_SECONDS = 60.0

_ASK = r"""
bad() { printf 'bad %s\n' "$1"; }
cd -- "$root" 2>/dev/null || { bad "$root is not there"; exit 0; }
for folder in . releases shared repository.git; do
  if [ ! -d "$folder" ]; then bad "$root/$folder is not there"
  elif [ ! -w "$folder" ]; then bad "$root/$folder cannot be written by $(id -un)"
  fi
done
link=$(readlink current 2>/dev/null)
case $link in
  releases/*/*) bad "$root/current leads to $link, and not to a folder of releases" ;;
  releases/*) [ -d "$link" ] || bad "$root/current leads to $link, which is not there" ;;
  *) bad "$root/current is no relative link to a folder of releases" ;;
esac
common=$(cd current 2>/dev/null && cd "$(git rev-parse --git-common-dir 2>/dev/null)" && pwd -P)
[ "$common" = "$(cd repository.git 2>/dev/null && pwd -P)" ] ||
  bad "$root/current is no worktree of $root/repository.git"
printf '%s\n' "$shared" | while IFS= read -r item; do
  [ -z "$item" ] || [ -e "shared/$item" ] || bad "$root/shared/$item is not there"
done
mv --help 2>&1 | grep -q -e ' -T' || bad "mv has no option -T, without which a link cannot be replaced at once"
printf 'live %s\n' "$link"
for file in /etc/php/*/fpm/php-fpm.conf /etc/php-fpm.conf; do
  [ -r "$file" ] || continue
  value=$(tr -d ' \t' <"$file" | sed -n 's/^process_control_timeout=\([0-9a-z]*\).*/\1/p' | tail -n 1)
  printf 'fpm %s %s\n' "${value:-0}" "$file"
done
"""


async def check_releases(connections: Connections, target: Target, host: str) -> tuple[CheckResult, ...]:
    """Look at the folders of a target with releases; a checkout has none to look at.

    Args:
        connections: to the hosts.
        target: whose folders.
        host: name of the host.

    Raises:
        RefusedError: the host cannot be read.
    """
    layout = target.layout
    if not isinstance(layout, Releases):
        return ()
    values = {"root": layout.root, "shared": "\n".join(layout.shared)}
    answer = await connections.read(host, Command((*assignments(values), Syntax(_ASK))), _SECONDS)
    return judged(f"{target.name} on {host}", answer.stdout.decode(errors="replace"), _restarts_fpm(target))


def _restarts_fpm(target: Target) -> bool:
    named = [target.vars.get(name, ()) for name in ("services", "reload")]
    return any("fpm" in unit for units in named if isinstance(units, tuple) for unit in units)


def judged(what: str, said: str, restarts_fpm: bool) -> tuple[CheckResult, ...]:  # noqa: FBT001 - a fact of the target, not a switch
    """Judge what a host said.

    Args:
        what: the target and the host.
        said: lines that begin with `bad`, `live` or `fpm`.
        restarts_fpm: whether a run restarts or reloads php-fpm.
    """
    lines = [line.partition(" ") for line in said.splitlines()]
    bad = [rest for word, _, rest in lines if word == "bad"]
    live = next((rest for word, _, rest in lines if word == "live"), "")
    if bad:
        folders = fail(f"{what}: releases", f"{'; '.join(bad)} - docs/releases.md says how they are made")
    elif not live:
        folders = fail(f"{what}: releases", "the host gave no answer that can be read")
    else:
        folders = ok(f"{what}: releases", f"{live} is live")
    killed = [rest.partition(" ")[2] for word, _, rest in lines if word == "fpm" and rest.split(" ")[0] in {"0", "0s"}]
    if not restarts_fpm or not killed:
        return (folders,)
    advice = "set it, such as 10s: by 0 a restart kills requests that are under way"
    return (folders, warn(f"{what}: php-fpm", f"process_control_timeout is 0 in {', '.join(killed)} - {advice}"))
