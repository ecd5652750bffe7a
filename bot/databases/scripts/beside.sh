# shellcheck shell=sh disable=SC2154,SC2034 # set and used by the scripts that are put around it at run time
# A database beside the live one, into which `load.sh` restores; for POSIX sh. What is set:
#
#   source    the live database; it is only read here
#   beside    the database that is made; SOURCE_countersign_…
#   sweep     SQL: what the names of databases begin with that earlier ones may have left behind
#   reserve   KiB that must stay free
#
# Credentials are in a file of the job.

made=

drop() { printf 'DROP DATABASE IF EXISTS %s;\n' "$(quote "$1")" | sql "$source" >/dev/null; }

# open_beside: make the database
open_beside() {
  fresh=$beside
  here=$(ask 'SELECT VERSION()' 2>&1) || fail connect "$here"
  server_began=$(up_since)
  home=$(ask 'SELECT @@datadir')
  if [ -d "$home" ]; then
    free=$(free_kib "$home")
    # shellcheck disable=SC2017 # multiplied first, it could overflow
    needed=$((data_bytes / 1024 * 6 / 5 + reserve))
    if [ -n "$free" ] && [ "$free" -lt "$needed" ]; then
      fail space "the database server has $free KiB free, and $needed KiB are needed for a copy"
    fi
  fi
  may_name_owners=$(grants | grep -E 'ALL PRIVILEGES ON \*\.\*|SUPER|SET USER|SET_USER_ID|SET_ANY_DEFINER')
  ask "SELECT schema_name FROM information_schema.schemata
    WHERE LEFT(schema_name, CHAR_LENGTH($sweep)) = $sweep" | while IFS= read -r left; do drop "$left" </dev/null; done
  charset=$(ask "SELECT CONCAT('CHARACTER SET ', default_character_set_name, ' COLLATE ', default_collation_name)
    FROM information_schema.schemata WHERE schema_name = DATABASE()")
  made=yes
  empty_beside || {
    made=
    fail create "$(cat "$complaint")"
  }
}

# empty_beside: make the database, without what there was of it
empty_beside() {
  drop "$fresh"
  printf 'CREATE DATABASE %s %s;\n' "$(quote "$fresh")" "$charset" | sql "$source" 2>"$complaint"
}

# forbidden: whether what the server said is of what this account may do on this server, and not of the dump: privileges
# (1142, 1143, 1227, 1356, 1370), code where there is a binary log (1418, 1419), what the server's settings forbid (1173,
# 1290, 1792, 1836, 3750), and views that name the live database itself, as they are written down where their owner has
# no rights of their own but those of a role (1054)
forbidden() {
  grep -q -E 'ERROR (1143|1173|1290|1356|1370|1418|1419|1792|1836|3750) ' "$complaint" ||
    grep -E 'ERROR 1054 ' "$complaint" | grep -q -F "'$source."
}

# excused_beside: end the script where what failed says nothing of the backup
excused_beside() {
  if passing; then
    gone=$(interruption "$server_began")
    fail interrupted "${gone:+$gone: }$(complained)"
  fi
  if forbidden; then fail impossible "the account may not do here what the dump does: $(head -c 400 "$complaint")"; fi
  return 1
}

# discard_beside: drop the database, or say that it cannot be dropped
discard_beside() {
  drop "$fresh" || fail drop "$fresh could not be dropped"
  made=
}

# close_beside: drop the database; a server that has just died is mostly back in a minute
close_beside() {
  [ -n "$made" ] || return 0
  since=$(date +%s)
  until drop "$fresh" 2>/dev/null; do
    if [ $(($(date +%s) - since)) -ge 60 ]; then
      printf '%s could not be dropped\n' "$fresh" >&2
      return 0
    fi
    sleep 1
  done
  made=
}
