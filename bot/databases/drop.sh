# Drops a database that a restore left beside the live one; for POSIX sh. What restoring.py writes before it:
#
#   source       the live database
#   gone         the database that goes; SOURCE_countersign_…
#   gone_sql     the same as SQL that gives its name
#   tables       how many tables it must have, or nothing where that does not matter
#   status_…     the exit status of each stage that can fail

set -u
LC_ALL=C
MYSQL_TEST_LOGIN_FILE=/nonexistent
export LC_ALL MYSQL_TEST_LOGIN_FILE

options=$COUNTERSIGN_FILES/client.cnf

fail() {
  printf '%s was not dropped: %s\n' "$gone" "$2" >&2
  eval "exit \"\$status_$1\""
}

first() {
  for program; do
    if command -v "$program" >/dev/null 2>&1; then
      printf '%s\n' "$program"
      return 0
    fi
  done
  return 1
}

ask() {
  "$client" --defaults-file="$options" --connect-timeout=10 --default-character-set=utf8mb4 \
    --batch --raw --skip-column-names --init-command='SET SESSION lock_wait_timeout = 60' --execute="$1" "$source"
}

quote() { printf '`%s`' "$(printf '%s' "$1" | sed 's/`/``/g')"; }

client=$(first mariadb mysql) || fail tools 'neither mariadb nor mysql is installed'
there=$(ask "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = $gone_sql AND table_type <> 'VIEW'") ||
  fail connect 'its tables cannot be read'
if [ -n "$tables" ] && [ "$there" != "$tables" ]; then fail swap "it has $there tables, and $tables were approved"; fi
outside=$(ask "SELECT CONCAT(table_schema, '.', table_name) FROM information_schema.key_column_usage
  WHERE referenced_table_schema = $gone_sql AND table_schema <> $gone_sql LIMIT 3") ||
  fail connect 'the foreign keys cannot be read'
[ -z "$outside" ] || fail references "tables elsewhere refer to it: $outside"
ask "DROP DATABASE IF EXISTS $(quote "$gone")" || fail drop 'the server refused'
printf '%s is gone (%s tables)\n' "$gone" "$there"
