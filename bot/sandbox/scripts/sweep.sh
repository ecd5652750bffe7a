# shellcheck shell=sh disable=SC2154,SC2034 # set and used by the scripts that are put around it at run time
# Removes what a killed sandbox left, unless one is at work. Its processes died with it, by the kernel; one that is
# still dying, on a busy machine, keeps the lock a moment longer than it is seen.
umask 077
find_place
[ -d "$place" ] || exit 0
if lock_place 5; then
  [ ! -e "$box" ] || { remove_box && printf '%s\n' "$box"; }
  find "$place/templates" -mindepth 1 -maxdepth 1 -type d -mtime +30 -exec rm -rf {} +
fi
