# shellcheck shell=sh disable=SC2154,SC2034 # set and used by the scripts that are put around it at run time
# Drops a database that a restore left beside the live one; for POSIX sh. What restoring.py writes before it:
#
#   source       the live database
#   gone         the database that goes; SOURCE_countersign_…
#   gone_sql     the same as SQL that gives its name
#   tables       how many tables it must have, or nothing where that does not matter
#   status_…     the exit status of each stage that can fail

doing="dropping $gone"
database=$source
settings='lock_wait_timeout = 60'

choose_client || fail tools 'neither mariadb nor mysql is installed'
there=$(ask "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = $gone_sql AND table_type <> 'VIEW'") ||
  fail connect 'its tables cannot be read'
if [ -n "$tables" ] && [ "$there" != "$tables" ]; then fail swap "it has $there tables, and $tables were approved"; fi
outside=$(ask "SELECT CONCAT(table_schema, '.', table_name) FROM information_schema.key_column_usage
  WHERE referenced_table_schema = $gone_sql AND table_schema <> $gone_sql LIMIT 3") ||
  fail connect 'the foreign keys cannot be read'
[ -z "$outside" ] || fail references "tables elsewhere refer to it: $outside"
ask "DROP DATABASE IF EXISTS $(quote "$gone")" || fail drop 'the server refused'
printf '%s is gone (%s tables)\n' "$gone" "$there"
