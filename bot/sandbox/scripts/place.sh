# shellcheck shell=sh disable=SC2154,SC2034 # set and used by the scripts that are put around it at run time
# Where a sandbox lies on a host, for POSIX sh: one folder per machine, since a home may be shared by several.
#
#   $place/lock          held by the one sandbox that this account may have on this machine
#   $place/box           its folder; without a holder of the lock it is what a killed one left
#   $place/templates     data folders of fresh servers, to be copied

find_place() {
  machine=
  [ ! -r /etc/machine-id ] || read -r machine </etc/machine-id
  place=${XDG_STATE_HOME:-${HOME:?}/.local/state}/countersign/sandbox/$(uname -n)-$(printf '%.8s' "$machine")
  box=$place/box
}

# lock_place SECONDS: become the one; descriptor 9 holds the lock and must not be inherited by what outlives this shell
lock_place() {
  # A redirection of `exec` that fails would end the shell.
  mkdir -p "$place/templates" 2>/dev/null && (printf '' >>"$place/lock") 2>/dev/null || return 2
  exec 9>>"$place/lock"
  flock -w "$1" 9
}

# remove_box: what code made may forbid its own removal
remove_box() {
  [ -e "$box" ] || return 0
  rm -rf -- "$box" 2>/dev/null || {
    chmod -R u+rwX -- "$box" 2>/dev/null
    rm -rf -- "$box"
  }
}
