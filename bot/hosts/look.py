"""Reading a host's checkout without changing it: one script a host, one round trip."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Iterator, Mapping

from bot.domain.errors import Reason, RefusedError, problem
from bot.domain.names import Ref, Sha
from bot.domain.runs.plan import Commit
from bot.domain.shell import Command, Syntax, Word, assignments, command
from bot.domain.targets.host_identity import HostIdentity
from bot.domain.targets.look import CommandOutput, CommitCode, ConfinedCommand, HostFacts, HostQuestion, NotConfined
from bot.hosts.connections import Connections
from bot.hosts.look_readiness import parse_readiness, readiness_parts
from bot.sandbox.commit_command import SECONDS, WAIT, commit_command_script, not_confined_script, told_in_confinement

_SECONDS = 60.0
_MAX_COMMITS = 50
_MAX_DIRTY = 20
_ABBREVIATION = re.compile(r"[0-9a-f]{7,64}", re.IGNORECASE)
_SHA256 = re.compile(r"\b[0-9a-f]{64}\b")
_HASHING = """
sha256() {
  if command -v sha256sum >/dev/null 2>&1; then sha256sum
  elif command -v shasum >/dev/null 2>&1; then shasum -a 256
  else openssl dgst -sha256 -r
  fi
}
"""
_ENVIRONMENT = f"""{_HASHING}
[ -e "$path/.env" ] || exit 0
sha256 <"$path/.env"
"""
_DF = re.compile(r"\s(\d+)\s+(-?\d+)\s+(-?\d+)\s+(?:\d+%|-)\s")
"""Total, used and available; the names around them may hold blanks."""

# Answers are sections. Each begins with the nonce and its name; values end with NUL, which no path, no name and no
# line of a commit can contain. Nobody who wrote a file name or a commit knows the nonce.
_PREPARE = """
LC_ALL=C GIT_OPTIONAL_LOCKS=0 GIT_TERMINAL_PROMPT=0 GIT_NO_LAZY_FETCH=1 GIT_PAGER=cat
export LC_ALL GIT_OPTIONAL_LOCKS GIT_TERMINAL_PROMPT GIT_NO_LAZY_FETCH GIT_PAGER
section() { printf '%s:%s\\0' "$nonce" "$1"; }
value() { printf '%s\\0' "$1"; }
ask() {
  git -C "$path" -c core.quotePath=false -c core.fsmonitor=false -c log.showSignature=false \\
    -c i18n.logOutputEncoding=UTF-8 -c color.ui=false "$@"
}
commit_of() { ask rev-parse --verify --quiet "$1^{commit}" 2>/dev/null; }

section disk
place=$path
while [ ! -e "$place" ] && [ -n "$place" ] && [ "$place" != . ]; do
  case $place in */*) place=${place%/*} ;; *) place=. ;; esac
done
[ -n "$place" ] || place=/
value "$(df -Pk "$place" 2>/dev/null)"
value "$(df -Pi "$place" 2>/dev/null)"
section checkout
if ! command -v git >/dev/null 2>&1; then
  value no-git
elif [ ! -e "$path/.git" ]; then
  value none
elif top=$(ask rev-parse --show-prefix 2>&1); then
  if [ -n "$top" ]; then value none; else value yes; fi
else
  value trouble
  value "$top"
fi
"""

_READ_CHECKOUT = """
section head
head=$(commit_of HEAD)
value "$head"
value "$(ask symbolic-ref --quiet --short HEAD 2>/dev/null)"
section dirty
ask status --porcelain -z --untracked-files=no --no-renames 2>/dev/null
section changed-content
ask diff-index --quiet HEAD -- 2>/dev/null ||
  ask -c core.fileMode=false status --porcelain -z --untracked-files=no --no-renames 2>/dev/null
"""

_RESOLVE = """
sha=$(commit_of "refs/remotes/origin/$ref") || sha=$(commit_of "refs/tags/$ref") || sha=
if [ -z "$sha" ] && [ -n "$abbreviation" ]; then
  # Names of objects only: a local branch may look like an abbreviation.
  count=0
  for object in $(ask rev-parse --disambiguate="$abbreviation" 2>/dev/null); do
    found=$(commit_of "$object") && sha=$found && count=$((count + 1))
  done
  [ "$count" -eq 1 ] || sha=
fi
section sha
value "$sha"
section on-branch
trusted=
if [ -n "$sha" ] && [ -n "$trunk" ] &&
  ask merge-base --is-ancestor "$sha" "refs/remotes/origin/$trunk" 2>/dev/null; then
  trusted=yes
  value yes
fi
if [ -n "$sha" ] && [ -n "$head" ]; then
  section fast-forward
  ask merge-base --is-ancestor "$head" "$sha" 2>/dev/null && value yes
  section count
  value "$(ask rev-list --count "$head..$sha" -- 2>/dev/null)"
  section commits
  ask log -z --max-count=@COMMITS@ --no-color --format=tformat:%H%x00%an%x00%s "$head..$sha" -- 2>/dev/null
  if ask merge-base --is-ancestor "$sha" "$head" 2>/dev/null; then
    section backward
    value "$(ask rev-list --count "$sha..$head" -- 2>/dev/null)"
    section removed
    ask log -z --max-count=@COMMITS@ --no-color --format=tformat:%H%x00%an%x00%s "$sha..$head" -- 2>/dev/null
  fi
  section changed
  ask diff-tree -r -z --name-only --no-renames "$head" "$sha" -- 2>/dev/null
  for tried in $since; do
    # Where the commit is not there any more, each path may have changed.
    ask diff-tree -r -z --name-only --no-renames "$tried" "$sha" -- 2>/dev/null ||
      ask ls-tree -r -z --name-only --full-tree "$sha" 2>/dev/null
  done
fi
"""

_EXISTING = """
# comes_or_stays PATH: whether it is there once the commit is checked out; what git does not track stays as it is
comes_or_stays() {
  if [ -n "$sha" ] && [ -n "$head" ] && [ "$sha" != "$head" ]; then
    ! ask cat-file -e "$sha:${1%/}" 2>/dev/null || return 0
    ! ask cat-file -e "$head:${1%/}" 2>/dev/null || return 1
  fi
  [ -e "$path/$1" ]
}
section existing
"""

_DISK = """[ ! -e "$place" ] || { value "$place"; value "$(df -Pk "$place" 2>/dev/null)"; }
"""

_MIGRATIONS = """
section migrations
[ -z "$sha$head" ] || ask ls-tree -z --full-tree "${sha:-$head}" -- "$directory" 2>/dev/null
section untracked
[ -z "$head" ] || ask ls-files -z --others -- "$directory" 2>/dev/null
"""

_HASHES = """
section hashes
# Names of blobs first, and then the names of files with their blobs: a path may hold anything but NUL.
ask ls-tree -r -z --full-tree "${sha:-$head}" -- "$@" 2>/dev/null
section blobs
for blob in $(ask ls-tree -r --full-tree "${sha:-$head}" -- "$@" 2>/dev/null |
  sed -n 's/^[0-7]* blob \\([0-9a-f]*\\)\t.*/\\1/p' | sort -u); do
  value "$blob"
  value "$(ask cat-file blob "$blob" | sha256)"
done
"""

_MIGRATOR = """
section migrator
limit=
! command -v timeout >/dev/null 2>&1 || limit='timeout 20'
if [ -n "$head" ]; then
  {
    complaint=$(cd -- "$path" && exec $limit sh -c "$migrator" </dev/null 2>&1 >&3 3>&-)
    status=$?
  } 3>&1
  printf '\\0'
  value "$status"
  value "$(printf '%s' "$complaint" | tail -c 3000)"
fi
"""

# The copy is made by an index of its own, so that nothing of the checkout is touched; unlike an archive it has every
# file. What a hook or a filter of the repository would do with a checkout is not wanted here.
_OUTPUT_BEGINS = """
copy= place=$path
if [ -n "$sha" ] && [ "$sha" != "$head" ] && [ -n "$trusted" ] && [ -z "$in_checkout" ]; then
  place=
  copy=$(mktemp -d "${TMPDIR:-/tmp}/countersign-look.XXXXXX") && {
    trap 'rm -rf "$copy"' EXIT
    trap 'exit 129' HUP
    trap 'exit 130' INT
    trap 'exit 143' TERM
    mkdir "$copy/files"
    GIT_INDEX_FILE=$copy/index
    GIT_LFS_SKIP_SMUDGE=1
    export GIT_INDEX_FILE GIT_LFS_SKIP_SMUDGE
    ask read-tree "$sha" 2>/dev/null && ask checkout-index --all --quiet --prefix="$copy/files/" 2>/dev/null &&
      place=$copy/files
    unset GIT_INDEX_FILE GIT_LFS_SKIP_SMUDGE
  }
fi
if [ -n "$sha" ] && { [ "$sha" = "$head" ] || [ -n "$trusted$in_checkout" ]; }; then
  section told
  {
    complaint=$(
      {
        (
          live=$(cd -- "$path" && pwd) && export live || exit 2
          if [ -z "$place" ]; then
            echo "the files of $sha could not be copied to ${copy:-a temporary folder}"
            exit 2
          fi >&2
          cd -- "$place" || exit 2
"""

_OUTPUT_ENDS = """
        ) </dev/null 2>&1 >&3 3>&-
      }
    )
    status=$?
  } 3>&1
  printf '\\0'
  value "$status"
  value "$(printf '%s' "$complaint" | tail -c 3000)"
fi
[ -z "$copy" ] || rm -rf "$copy"
"""

# As a program of its own, with its script in a file: a sandbox dies with the process that starts it.
_CONFINED = """
if [ -n "$sha" ] && [ "$sha" != "$head" ]; then
  section confined
  notes=$(mktemp -d "${TMPDIR:-/tmp}/countersign-look.XXXXXX") && {
    trap 'rm -rf "$notes"' EXIT
    trap 'exit 129' HUP
    trap 'exit 130' INT
    trap 'exit 143' TERM
    printf '%s\\n' "$confined" >"$notes/script"
    (
      cd -- "$path" || exit 2
      COUNTERSIGN_RUN_DIR=$notes
      export COUNTERSIGN_RUN_DIR sha
      sh "$notes/script" </dev/null >"$notes/said" 2>&1
    )
    for file in facts tell.output; do
      [ -f "$notes/results/$file" ] || continue
      value "$file"
      tr -d '\\000' <"$notes/results/$file"
      printf '\\0'
    done
    rm -rf "$notes"
  }
fi
"""


def build_question(question: HostQuestion, nonce: str) -> Command:
    """Build the script that reads what a question asks of a host.

    Args:
        question: what to read.
        nonce: a random name that marks the beginnings of sections.

    Returns:
        A command that reads and changes nothing; everything of the question in it is quoted.

    Raises:
        RefusedError: `bad_ref`, the ref is not a name that git allows.
    """
    ref = Ref(question.ref).text if question.ref is not None else ""
    abbreviation = ref.lower() if _ABBREVIATION.fullmatch(ref) else ""
    directory = f"{question.directory.rstrip('/')}/" if question.directory is not None else ""
    values = {
        "nonce": nonce,
        "path": question.path,
        "ref": ref,
        "trunk": Ref(question.trunk).text if question.trunk else "",
        "abbreviation": abbreviation,
        "directory": directory,
        "since": " ".join(Sha(commit).text for commit in question.since),
    }
    parts = [*assignments(values), Syntax("sha= head= trusted=\n"), Syntax(_PREPARE), Syntax(_READ_CHECKOUT)]
    if question.ref is not None:
        parts.append(Syntax(_RESOLVE.replace("@COMMITS@", str(_MAX_COMMITS))))
    if question.directory is not None:
        parts.append(Syntax(_MIGRATIONS))
    parts += readiness_parts(question)
    parts.append(Syntax(_EXISTING if question.exists else "section existing\n"))
    for path in question.exists:
        parts += [Syntax("relative="), Word(path), Syntax('\n! comes_or_stays "$relative" || value "$relative"\n')]
    parts.append(Syntax("section missing-tools\n"))
    for tool in question.tools:
        word = Word(tool)
        parts += [Syntax("command -v "), word, Syntax(" >/dev/null 2>&1 || value "), word, Syntax("\n")]
    parts.append(Syntax("section disks\n"))
    for path in question.disks:
        parts += [Syntax("place="), Word(path), Syntax("\n"), Syntax(_DISK)]
    if question.maintenance is not None:
        parts += [
            Syntax('section maintenance\n( cd -- "$path" >/dev/null || exit 2\n'),
            *question.maintenance.parts,
            Syntax('\n) >/dev/null 2>&1 </dev/null\nvalue "$?"\n'),
        ]
    if question.hashed:
        parts += [Syntax(_HASHING), *command("set", "--", *question.hashed).parts, Syntax(_HASHES)]
    if question.migrator is not None:
        parts += [Syntax("migrator="), Word(question.migrator.script()), Syntax(_MIGRATOR)]
    if question.commit_command is not None:
        confined = question.code if isinstance(question.code, ConfinedCommand) else None
        parts.append(Syntax("sha=$head\n" if question.ref is None else ""))
        parts.append(Syntax(f"in_checkout={'yes' if confined is not None else ''}\n"))
        parts.append(Syntax("trusted=\n" if question.code is not CommitCode.ON_TRUNK else ""))
        parts += [Syntax(_OUTPUT_BEGINS), *question.commit_command.parts, Syntax(_OUTPUT_ENDS)]
        if confined is not None:
            parts += [Syntax("confined="), Word(_confined_script(confined, question.path)), Syntax(_CONFINED)]
    parts.append(Syntax("section end\n"))
    return Command(tuple(parts))


def _confined_script(confined: ConfinedCommand, path: str) -> str:
    try:
        return commit_command_script(confined, path).script()
    except ValueError as error:
        return not_confined_script(str(error)).script()


class IncompleteAnswerError(Exception):
    """The answer was cut off."""


def parse_answer(host: str, question: HostQuestion, answer: bytes, nonce: str) -> HostFacts:
    """Parse what the script of `build_question` printed.

    Args:
        host: its name.
        question: what was asked.
        answer: the script's standard output; what a login shell printed before it is skipped.
        nonce: what the script was given.

    Returns:
        The facts.

    Raises:
        IncompleteAnswerError: the answer was cut off.
        RefusedError: `host_tool_missing` (git), `checkout_unreadable` (git refuses to read it).
    """
    sections = parse_sections(answer, nonce)
    if "end" not in sections:
        raise IncompleteAnswerError
    checkout = sections["checkout"]
    match checkout[:1]:
        case ["no-git"]:
            raise RefusedError(problem(Reason.HOST_TOOL_MISSING, host=host, tool="git"))
        case ["trouble"]:
            detail = " ".join(" ".join(checkout[1:]).split())[:500]
            raise RefusedError(problem(Reason.CHECKOUT_UNREADABLE, host=host, path=question.path, detail=detail))
    head, branch = (*sections.get("head", ()), "", "")[:2]
    status = (*sections.get("maintenance", ()), "")[0]
    ready = parse_readiness(question, sections)
    blocks, inodes = (_df(text) for text in (*sections.get("disk", ()), "", "")[:2])
    return HostFacts(
        host=host,
        is_checkout=checkout[:1] == ("yes",),
        head=head,
        branch=branch,
        dirty=_paths(sections, "dirty")[:_MAX_DIRTY],
        mode_only=tuple(sorted({*_paths(sections, "dirty")} - {*_paths(sections, "changed-content")}))[:_MAX_DIRTY],
        sha=next(iter(sections.get("sha", ())), "") or None,
        on_branch=bool(sections.get("on-branch")),
        fast_forward=bool(sections.get("fast-forward")),
        commits=parse_commits(sections.get("commits", ())),
        commit_count=int(next(iter(sections.get("count", ())), "") or 0),
        changed=tuple(dict.fromkeys(sections.get("changed", ()))),
        migrations=_files(sections.get("migrations", ()), question.directory),
        existing=frozenset(sections["existing"]),
        removed=parse_commits(sections.get("removed", ())),
        removed_count=int(next(iter(sections.get("backward", ())), "") or 0),
        maintenance={"0": True, "1": False}.get(status),
        missing_tools=sections["missing-tools"],
        free_kib=blocks[1] if blocks else 0,
        # A file system that allocates inodes on demand reports none at all.
        free_inodes=inodes[1] if inodes and inodes[0] > 0 else None,
        commit_output=_command_output(sections.get("told", ())),
        confined_output=_confined_output(sections.get("confined")),
        disks=dict(_free(sections.get("disks", ()))),
        migrator=_command_output(sections.get("migrator", ())),
        hashes=_hashes(sections.get("hashes", ()), sections.get("blobs", ())),
        untracked=_direct_children(sections.get("untracked", ()), question.directory),
        services=ready.services,
        unwritable=ready.unwritable,
        foreign=ready.foreign,
        in_the_way=ready.in_the_way,
    )


def _paths(sections: Mapping[str, tuple[str, ...]], name: str) -> tuple[str, ...]:
    """Read paths from `git status --porcelain -z`."""
    return tuple(entry[3:] for entry in sections.get(name, ()))


def parse_sections(answer: bytes, nonce: str) -> Mapping[str, tuple[str, ...]]:
    """Split an answer into sections with their values; what follows the last NUL is ignored.

    Args:
        answer: standard output; what a login shell printed before the first section is skipped.
        nonce: what the script was given.
    """
    mark = f"{nonce}:".encode()
    _, found, rest = answer.partition(mark)
    sections: dict[str, list[str]] = {}
    if not found:
        return {}
    current: list[str] = []
    for item in (found + rest).split(b"\0")[:-1]:
        if item.startswith(mark):
            current = sections.setdefault(item[len(mark) :].decode(errors="replace"), [])
        else:
            current.append(item.decode(errors="surrogateescape"))
    return {name: tuple(values) for name, values in sections.items()}


def parse_commits(values: tuple[str, ...]) -> tuple[Commit, ...]:
    """Read commits from `git log -z --format=%H%x00%an%x00%s`."""
    return tuple(Commit(*values[at : at + 3]) for at in range(0, len(values) - 2, 3))


def _command_output(values: tuple[str, ...]) -> CommandOutput | None:
    if len(values) < 3:
        return None
    *output, status, complaint = values
    return CommandOutput(int(status), "\0".join(output), complaint)


def _confined_output(values: tuple[str, ...] | None) -> CommandOutput | NotConfined | None:
    return None if values is None else told_in_confinement(dict(zip(values[::2], values[1::2], strict=False)))


def _df(text: str) -> tuple[int, int] | None:
    """Read total and available from `df -P`'s second line."""
    _, _, line = text.partition("\n")
    match = _DF.search(line)
    return (int(match.group(1)), int(match.group(3))) if match else None


def _free(values: tuple[str, ...]) -> Iterator[tuple[str, int]]:
    for path, said in zip(values[::2], values[1::2], strict=False):
        blocks = _df(said)
        if blocks is not None:
            yield path, blocks[1]


def _files(entries: tuple[str, ...], directory: str | None) -> tuple[str, ...]:
    """Read names of files from `git ls-tree -z`: `MODE blob OBJECT<TAB>PATH`."""
    prefix = f"{(directory or '').strip('/')}/"
    names = []
    for entry in entries:
        about, _, path = entry.partition("\t")
        if " blob " in f"{about} ":
            names.append(path.removeprefix(prefix))
    return tuple(names)


def _hashes(entries: tuple[str, ...], blobs: tuple[str, ...]) -> Mapping[str, str]:
    """Read the hashes of files from `git ls-tree -r -z`, and from pairs of a blob and what a program says of it."""
    of_blob = {}
    for blob, said in zip(blobs[::2], blobs[1::2], strict=False):
        found = _SHA256.search(said)
        if found is not None:
            of_blob[blob] = found[0]
    named = (entry.partition("\t") for entry in entries)
    blob_of = {path: about.split(" ")[-1] for about, _, path in named}
    return {path: of_blob[blob] for path, blob in blob_of.items() if blob in of_blob}


def _direct_children(paths: tuple[str, ...], directory: str | None) -> tuple[str, ...]:
    prefix = f"{(directory or '').strip('/')}/"
    names = (path.removeprefix(prefix) for path in paths if path.startswith(prefix))
    return tuple(name for name in names if "/" not in name)


class HostLook:
    """Reads hosts.

    Args:
        connections: to the hosts.
    """

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def host(self, name: str, question: HostQuestion) -> HostFacts:
        """Read one host, in one round trip.

        Args:
            name: of the host.
            question: what is asked.

        Returns:
            What it answered.

        Raises:
            RefusedError: `host_unreachable`, `host_key_changed`, `host_login_refused`; `host_tool_missing` without git;
                `checkout_unreadable` where git refuses to read the checkout (its words are in `detail`); `bad_ref`.
        """
        detail = ""
        for _ in range(2):  # repeated once, because the connection may just have been lost
            nonce = secrets.token_hex(8)
            seconds = _SECONDS + (SECONDS + WAIT if isinstance(question.code, ConfinedCommand) else 0)
            answer = await self._connections.read(name, build_question(question, nonce), seconds, 32 * 1024 * 1024)
            try:
                return parse_answer(name, question, answer.stdout, nonce)
            except IncompleteAnswerError:
                detail = answer.stderr.decode(errors="replace").strip()[-500:]
        host = self._connections.host(name)
        detail = detail or "the answer was cut off"
        raise RefusedError(
            problem(Reason.HOST_UNREACHABLE, host=name, address=host.address, port=str(host.port), detail=detail)
        )

    async def identity(self, name: str, path: str) -> HostIdentity:
        """Read which host it is that answers, and the checksum of a folder's `.env`.

        Args:
            name: of the host.
            path: of the folder.

        Raises:
            RefusedError: as `host`; `checkout_missing`, the file is there and cannot be read.
        """
        ask = Command((Syntax("path="), Word(path), Syntax(_ENVIRONMENT)))
        key, answer = await asyncio.gather(
            self._connections.host_key(name), self._connections.read(name, ask, _SECONDS)
        )
        if answer.exit_status != 0:
            detail = answer.stderr.decode(errors="replace").strip()[-300:] or "no answer"
            raise RefusedError(problem(Reason.CHECKOUT_MISSING, host=name, path=f"{path}/.env", detail=detail))
        host = self._connections.host(name)
        found = _SHA256.search(answer.stdout.decode(errors="replace"))
        return HostIdentity(name, host.address, host.port, host.user, key, found[0] if found else "")
