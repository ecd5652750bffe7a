# shellcheck shell=sh disable=SC2154,SC2034 # set and used by the scripts that are put around it at run time
# What a rehearsal that was killed leaves in a checkout: shell functions to know it by and to remove it.

# born PID: when it started, in the kernel's words; empty where it is gone
born() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d ' ' -f 20; }

# lives OWNER-FILE: whether the rehearsal that wrote it is still at work
lives() {
  IFS=' ' read -r owner_pid owner_born <"$1" || return 1
  if [ -e /proc/self/stat ]; then [ "$(born "$owner_pid")" = "$owner_born" ]; else kill -0 "$owner_pid" 2>/dev/null; fi
}

remove_tree() {
  git worktree remove --force --force "$1" >/dev/null 2>&1
  rm -rf "$1"
  git worktree prune >/dev/null 2>&1
  [ ! -e "$1" ]
}

