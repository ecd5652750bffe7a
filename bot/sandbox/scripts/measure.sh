# shellcheck shell=sh disable=SC2154,SC2034 # set and used by the scripts that are put around it at run time
# What a host has to spare, for POSIX sh.

# free_kib PATH: print the KiB that are free where it lies
free_kib() { df -Pk -- "$1" 2>/dev/null | before_percent; }

# free_inodes PATH: print how many files can be made there; nothing where the file system has no such limit
free_inodes() { df -Pi -- "$1" 2>/dev/null | before_percent; }

before_percent() { awk 'NR == 2 { for (i = NF; i > 1; i--) if ($i ~ /^[0-9]+%$/) { print $(i - 1); exit } }'; }

# available_kib: print the memory that can be had without swapping
available_kib() {
  while read -r key amount _; do
    [ "$key" != MemAvailable: ] || printf '%s\n' "$amount"
  done </proc/meminfo
}

# own_threads: print how many threads this account has; kernels before 5.14 count them all together
own_threads() {
  if [ "$(id -u)" = 0 ]; then echo 0; else find /proc/[0-9]*/task -mindepth 1 -maxdepth 1 -user "$(id -u)" 2>/dev/null | wc -l; fi
}

# clock: print milliseconds of the clock that nobody sets
clock() {
  read -r uptime _ </proc/uptime
  printf '%s%s0\n' "${uptime%.*}" "${uptime#*.}"
}
