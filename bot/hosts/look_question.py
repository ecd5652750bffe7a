"""The script that reads a host's checkout without changing it: all that a question asks, in one round trip."""

from __future__ import annotations

import re

from bot.domain.names import Ref, Sha
from bot.domain.shell import Command, Syntax, Word, assignments, command
from bot.domain.targets.look import CommitCode, ConfinedCommand, HostQuestion
from bot.hosts.look_layout import SURVEY
from bot.hosts.look_readiness import readiness_parts
from bot.sandbox.commit_command import commit_command_script, not_confined_script

_MAX_COMMITS = 50
_ABBREVIATION = re.compile(r"[0-9a-f]{7,64}", re.IGNORECASE)
_HASHING = """
sha256() {
  if command -v sha256sum >/dev/null 2>&1; then sha256sum
  elif command -v shasum >/dev/null 2>&1; then shasum -a 256
  else openssl dgst -sha256 -r
  fi
}
"""
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
section same-files
files=$(ask rev-parse --verify --quiet "$sha^{tree}" 2>/dev/null)
for one in $compared; do
  [ -z "$files" ] || [ "$(ask rev-parse --verify --quiet "$one^{tree}" 2>/dev/null)" != "$files" ] || value "$one"
done
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

# A release is complete when its mark names the commit that is checked out in it; see the recipes.
_RELEASES = """
section release
live=$(readlink "$releases/current" 2>/dev/null)
value "${live##*/}"
section releases
for folder in "$releases"/releases/*; do
  kept=$(sed -n 's/^gitdir: //p' "$folder/.git" 2>/dev/null)
  [ -n "$kept" ] && [ -r "$kept/countersign-ready" ] || continue
  made=$(cat "$kept/countersign-ready")
  [ "$made" = "$(cat "$kept/HEAD" 2>/dev/null)" ] || continue
  value "${folder##*/}"
  value "$made"
done
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
_ENVIRONMENT = f"""{_HASHING}
[ -e "$path/.env" ] || exit 0
sha256 <"$path/.env"
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
        "releases": question.releases,
        "survey": question.survey,
        "compared": " ".join(Sha(commit).text for commit in question.compared),
    }
    parts = [*assignments(values), Syntax("sha= head= trusted=\n"), Syntax(_PREPARE), Syntax(_READ_CHECKOUT)]
    if question.ref is not None:
        parts.append(Syntax(_RESOLVE.replace("@COMMITS@", str(_MAX_COMMITS))))
    if question.directory is not None:
        parts.append(Syntax(_MIGRATIONS))
    parts += readiness_parts(question)
    if question.releases:
        parts.append(Syntax(_RELEASES))
    if question.survey:
        parts.append(Syntax(SURVEY))
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


def build_environment_question(path: str) -> Command:
    """Build the script that prints the SHA-256 checksum of a folder's `.env`, and nothing where there is none.

    Args:
        path: of the folder.
    """
    return Command((Syntax("path="), Word(path), Syntax(_ENVIRONMENT)))
