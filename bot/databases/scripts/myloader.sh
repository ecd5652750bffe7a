# shellcheck shell=sh disable=SC2154,SC2034 # set and used by the scripts that are put around it at run time
# Restoring what mydumper.sh made, for POSIX sh: what load.sh does with a dump that is a folder. It needs as much room as
# the file beside the file, for the time of the restore.

folder=

# unfold: unpack the dump into a folder beside it; `owner` in it says who is at work there
unfold() {
  first myloader >/dev/null || fail tools 'myloader is not installed, and mydumper made this backup'
  first tar >/dev/null || fail tools 'tar is not installed'
  parallel_tls myloader >/dev/null || fail tools 'this myloader cannot encrypt its way to the server as database.tls asks'
  directory=${dump%/*}
  free=$(free_kib "$directory")
  needed=$(($(wc -c <"$dump") / 1024 + reserve))
  if [ -n "$free" ] && [ "$free" -lt "$needed" ]; then
    fail space "$directory has $free KiB free, and $needed KiB are needed to unpack $dump"
  fi
  folder=$directory/$backup.mydumper.${kept##*/}-$attempt.part
  rm -rf -- "$folder"
  mkdir -- "$folder" || fail create "$folder cannot be made"
  printf '%s %s\n' "$$" "$(born "$$")" >"$folder/owner"
  tar -xf "$dump" -C "$folder" || fail interrupted "$dump cannot be unpacked into $folder"
  root=$folder/$backup
}

# fold_up: take the unpacked dump away again
fold_up() {
  [ -z "$folder" ] || rm -rf -- "$folder"
  folder=
}

# load_rows OPTION…: run myloader; what it says of errors is kept in $complaint. It may end with 0 after one.
load_rows() {
  parallel_options >"$COUNTERSIGN_FILES/mydumper.cnf"
  set -- --defaults-file="$COUNTERSIGN_FILES/mydumper.cnf" --directory="$root/rows" --database="$fresh" "$@"
  # Without it, replicas would not get what is put into the place of the live tables.
  case $(myloader --help 2>/dev/null) in *--enable-binlog*) set -- "$@" --enable-binlog ;; esac
  # shellcheck disable=SC2046 # it is one word or none
  set -- "$@" $(parallel_tls myloader)
  # Where the path of a private server's socket begins.
  (cd -- "$near" && exec myloader "$@") >"$folder/log" 2>&1
  loaded=$?
  grep -E 'CRITICAL|ERROR \*\*' "$folder/log" >"$complaint"
  [ "$loaded" = 0 ] && [ ! -s "$complaint" ] || {
    [ -s "$complaint" ] || tail -n 4 "$folder/log" >"$complaint"
    [ "$loaded" -le 128 ] || printf 'myloader was ended\n' >>"$complaint"
    return 1
  }
}

# load_tables OPTION…: restore the tables and their rows
load_tables() { fitting <"$root/schema.sql" | sql "$fresh" >/dev/null 2>"$complaint" && load_rows "$@"; }

deadlocked() { grep -q -i 'deadlock' "$complaint"; }

# load_folder: restore the tables, the rows, and what is beside them; notes the stages as a dump in one piece has them
load_folder() {
  unfold
  stages='unpack=0
fitting=0
load=0'
  # Threads that load one table can be in each other's way, and what the server rolls back then is missing: one alone is
  # in nobody's.
  load_tables || { deadlocked && "empty_$where" && load_tables --threads=1; } || stages=load=1
  [ "$stages" = load=1 ] || fitting <"$root/beside.sql" | sql "$fresh" >/dev/null 2>"$complaint" || stages=load=1
  fold_up
}
