# shellcheck shell=sh disable=SC2154,SC2034 # set and used by the scripts that are put around it at run time
# The files of a commit for a sandbox, and the interpreter that runs them, for POSIX sh. Nothing of the commit is run here:
# files are written, and all that is run belongs to the host.
#
# live              the live checkout
# sha               the commit
# sandbox_python    the live virtual environment, relative to the application's folder or absolute; empty where code needs
#                   none
# sandbox_folders   a program that prints which folders and files of the host that environment needs

# plain_git OPTION…: git without what the team's configuration would run for files of the commit: hooks and filters
plain_git() {
  set -- -c core.hooksPath=/dev/null -c core.fsmonitor=false -c core.symlinks=true "$@"
  for key in $(git config --name-only --get-regexp '^filter\..*\.(smudge|process|required)$' 2>/dev/null | sort -u); do
    case $key in
      *.required) set -- -c "$key=false" "$@" ;;
      *) set -- -c "$key=" "$@" ;;
    esac
  done
  git "$@"
}

# files_of REPOSITORY COMMIT FOLDER: write the files of a commit, from objects that are there already
files_of() (
  cd "$1" || exit 1
  GIT_INDEX_FILE=$box/index
  export GIT_INDEX_FILE
  rm -f "$GIT_INDEX_FILE"
  plain_git read-tree "$2" && plain_git checkout-index --all --force --quiet --prefix="$3/"
)

# tree: the commit's files, those of submodules too; `said` is why they could not be written
tree() {
  said=$(files_of "$live" "$sha" "$sandbox_work" 2>&1) || { why=tree; return 1; }
  git ls-tree -r "$sha" | awk -F '\t' '/^160000 / { split($1, words, " "); print words[3] "\t" $2 }' >"$box/submodules"
  while IFS='	' read -r commit path; do
    said="submodule $path"
    why=submodules
    git -C "$live/$path" cat-file -e "$commit^{commit}" 2>/dev/null || return 1
    said=$(files_of "$live/$path" "$commit" "$sandbox_work/$path" 2>&1) || return 1
  done <"$box/submodules"
}

# python_environment: let the code see the live virtual environment and its interpreter, which cannot be written to there;
# `said` is why it cannot
python_environment() {
  case $sandbox_python in
    '') return 0 ;;
    /*) python=$sandbox_python/bin/python ;;
    *) python=$sandbox_at/$sandbox_python/bin/python ;;
  esac
  said="there is no $python"
  [ -x "$python" ] || return 1
  said=$("$python" -I -c "$sandbox_folders" "$sandbox_at" "${HOME:-/}" 2>&1) || return 1
  folders=$said
  while IFS= read -r folder; do
    mount_point "$folder" || { said="no place for $folder"; return 1; }
    sandbox_read_only="$sandbox_read_only
$folder"
  done <<FOLDERS
$folders
FOLDERS
}

# mount_point PATH: make room for a mount below the application's folder: the commit may have put links there, which would
# lead it elsewhere
mount_point() {
  case $1 in "$sandbox_at"/*) ;; *) return 0 ;; esac
  at=$sandbox_work
  rest=${1#"$sandbox_at"/}
  while :; do
    at=$at/${rest%%/*}
    if [ -L "$at" ] || { [ -e "$at" ] && [ ! -d "$at" ]; }; then rm -f -- "$at" || return 1; fi
    [ "$rest" != "${rest#*/}" ] || break
    [ -d "$at" ] || mkdir -- "$at" || return 1
    rest=${rest#*/}
  done
  rm -rf -- "$at" || return 1
  if [ -d "$1" ]; then mkdir -- "$at"; else : >"$at"; fi
}
