"""Reading the newest commits of a branch from origin, on a host and without changing the checkout there.

What origin has is fetched into a folder of objects of its own, which is thrown away: no ref is written, nothing is
added to the checkout, and the fetch of a run that goes on meanwhile is not met.
"""

from __future__ import annotations

import secrets

from bot.domain.errors import Reason, RefusedError, problem
from bot.domain.names import Ref
from bot.domain.shell import Command, script_with
from bot.domain.targets.branch_commits import MAX_COMMITS, BranchCommits
from bot.domain.targets.target import Target
from bot.hosts.connections import Connections
from bot.hosts.look_answer import parse_commits, parse_sections

_SECONDS = 30.0

_SCRIPT = """
LC_ALL=C GIT_OPTIONAL_LOCKS=0 GIT_TERMINAL_PROMPT=0 GIT_PAGER=cat
export LC_ALL GIT_OPTIONAL_LOCKS GIT_TERMINAL_PROMPT GIT_PAGER
section() { printf '%s:%s\\0' "$nonce" "$1"; }
value() { printf '%s\\0' "$1"; }
ask() {
  git -C "$path" -c core.quotePath=false -c core.fsmonitor=false -c log.showSignature=false -c gc.auto=0 \\
    -c maintenance.auto=false -c i18n.logOutputEncoding=UTF-8 -c color.ui=false "$@"
}
head=$(ask rev-parse --verify --quiet 'HEAD^{commit}' 2>/dev/null)
tip=$(ask rev-parse --verify --quiet "refs/remotes/origin/$branch^{commit}" 2>/dev/null)
fetched=
own=$(ask rev-parse --path-format=absolute --git-path objects 2>/dev/null)
if [ -n "$own" ] && objects=$(mktemp -d "${TMPDIR:-/tmp}/countersign-newest.XXXXXX"); then
  trap 'rm -rf "$objects"' EXIT
  trap 'exit 129' HUP
  trap 'exit 130' INT
  trap 'exit 143' TERM
  # An origin that answers without the branch has withdrawn it; one that does not answer leaves what was fetched last.
  if there=$(ask ls-remote --quiet origin "refs/heads/$branch" 2>/dev/null </dev/null); then
    there=$(printf '%s' "$there" | cut -c1-40)
    [ -n "$there" ] || tip=
  fi
  GIT_OBJECT_DIRECTORY=$objects
  GIT_ALTERNATE_OBJECT_DIRECTORIES=$own
  export GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES
  if [ -n "$there" ] && ask fetch --quiet --no-tags --no-write-fetch-head --no-recurse-submodules --refmap= \\
    origin "refs/heads/$branch" </dev/null >/dev/null 2>&1 && ask cat-file -e "$there^{commit}" 2>/dev/null; then
    tip=$there fetched=yes
  fi
fi
section head
value "$head"
section tip
value "$tip"
section fetched
[ -z "$fetched" ] || value yes
section commits
[ -z "$head" ] || [ -z "$tip" ] ||
  ask log -z --max-count=@MOST@ --no-color --format=tformat:%H%x00%an%x00%s "$head..$tip" -- 2>/dev/null
section end
"""


class BranchReader:
    """Reads the commits of a target's branch that are not live.

    Args:
        connections: to the hosts.
    """

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def newest(self, target: Target) -> BranchCommits:
        """Read the newest commits on the target's first host.

        Args:
            target: whose branch.

        Raises:
            RefusedError: `host_unreachable` and its like; `ref_not_found`, origin does not have the branch, or does
                not answer and it was never fetched.
        """
        nonce = secrets.token_hex(8)
        host = target.hosts[0]
        answer = await self._connections.read(host, build_question(target, nonce), _SECONDS)
        sections = parse_sections(answer.stdout, nonce)
        if "end" not in sections:
            raise RefusedError(problem(Reason.HOST_UNREACHABLE, host=host, detail="the answer was cut off"))
        head, tip = ((*sections[name], "")[0] for name in ("head", "tip"))
        if not tip:
            raise RefusedError(problem(Reason.REF_NOT_FOUND, ref=target.branch, host=host))
        return BranchCommits(target.branch, head, tip, parse_commits(sections["commits"]), bool(sections["fetched"]))


def build_question(target: Target, nonce: str) -> Command:
    """Build the script that reads the branch; everything of the target in it is quoted.

    Raises:
        RefusedError: `bad_ref`, the branch is not a name that git allows.
    """
    script = _SCRIPT.replace("@MOST@", str(MAX_COMMITS))
    return script_with(script, nonce=nonce, path=target.path, branch=Ref(target.branch).text)
