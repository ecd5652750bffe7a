# shellcheck shell=sh disable=SC2154,SC2034 # set and used by the scripts that are put around it at run time
# A database in a private server, into which `load.sh` restores; for POSIX sh. The functions of a sandbox come before it.
# The live server is not asked for anything. Why it cannot be had, or cannot go on, is among the sandbox's facts.
#
#   source       the name of the live database, which the private one has too
#   data_bytes   how much there was in the tables

# private_client --defaults-file=… OPTION…: the client, with the private server's own option file
private_client() {
  shift
  sandbox_client "$@"
}

# open_private: start the server
open_private() {
  if [ -z "${XDG_STATE_HOME-}${HOME-}" ]; then
    mkdir -p -- "$sandbox_results"
    refuse unwritable 'the account has no home'
    return 1
  fi
  sandbox_claim && sandbox_start || return 1
  fresh=$source
  near=$box/run
  options=$box/client.cnf
  client=private_client
  secured=
  # Whoever owned a view or a routine is no account here.
  may_name_owners=
  here=$(ask 'SELECT VERSION()' 2>&1) || { refuse lost "$here"; return 1; }
  enlarge
}

# enlarge: give the server more memory for much data, of what the host can spare. What a version cannot change while it
# runs stays as it is.
enlarge() {
  spare=$((($(available_kib) - sandbox_free_memory) / 4))
  most=$(((sandbox_memory - sandbox_server_memory) / 2))
  pool=$((data_bytes / 1024))
  [ "$pool" -le "$spare" ] || pool=$spare
  [ "$pool" -le "$most" ] || pool=$most
  [ "$pool" -gt 65536 ] || return 0
  sandbox_ask "SET GLOBAL innodb_buffer_pool_size = $((pool * 1024))" >/dev/null 2>&1
  for setting in innodb_log_file_size innodb_redo_log_capacity; do
    sandbox_ask "SET GLOBAL $setting = $((pool * 512))" >/dev/null 2>&1
  done
  return 0
}

# empty_private: make the database again, without what there was of it
empty_private() {
  { printf 'DROP DATABASE IF EXISTS %s;\n' "$(quote "$fresh")" && printf '%s\n' "$sandbox_create"; } |
    sandbox_client --batch 2>"$complaint"
}

# lacking: whether what the server said is of something that the live one has and this one has not: another database,
# a plugin, a function of a library, a character set or a time zone of its own, keys for encryption, an account
lacking() {
  grep -q -E 'ERROR (1|1005|1030|1049|1115|1126|1127|1273|1286|1289|1298|1305|1449|1478|1524|1911|1959|3185) ' "$complaint" ||
    grep -E 'ERROR 1146 ' "$complaint" | grep -q -v -F "'$source."
}

# excused_private: whether what failed says nothing of the backup; it is then among the facts
excused_private() {
  what=$(head -c 400 "$complaint")
  ended_for
  if [ -n "$sandbox_limit" ] || ! sandbox_lives; then
    refuse "${sandbox_limit:-lost}" "the private server was ended after $(($(date +%s) - began)) s"
  elif grep -q -i -E 'ERROR (3|1021|1114) |no space left|disk full|is full' "$complaint"; then
    refuse disk "$what"
  elif grep -q -E 'ERROR (5|1037|1038|1041|1135) ' "$complaint"; then
    refuse memory "$what"
  elif [ -e "$box/server/ended" ] || passing; then
    refuse lost "$what"
  elif lacking; then
    refuse lacks "$what"
  else
    return 1
  fi
  return 0
}

discard_private() { close_private; }

close_private() {
  sandbox_close
  near=/
  options=$COUNTERSIGN_FILES/client.cnf
  client=$installed_client
  secured=$live_secured
}
