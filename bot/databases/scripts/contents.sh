# shellcheck shell=sh disable=SC2154,SC2034 # set and used by the scripts that are put around it at run time
# What is in a database, for POSIX sh: shared by the dump and by what restores it. Both define `only`, and `tool` and
# `tuned`, what dumps and its options; `checksum_sql` and `long_names_sql` are those of `checksums.py`.

broken=

# A dump of chosen tables has neither routines nor events.
whole=1
[ -z "$only" ] || whole=0

# counting: print, for each table, a statement that counts its rows and one that reads its checksum. Sequences are no
# tables here.
counting() {
  ask "$long_names_sql;
    SELECT CONCAT('SELECT ''', HEX(table_name), ''', COUNT(*) FROM \`', REPLACE(table_name, '\`', '\`\`'), '\`; ', $checksum_sql)
    FROM information_schema.tables
    WHERE table_schema = DATABASE() AND table_type IN ('BASE TABLE', 'SYSTEM VERSIONED') $only"
}

# counted: turn what those statements print into lines NAME-IN-HEX<TAB>ROWS<TAB>CHECKSUM
counted() { awk -F '\t' 'NR % 2 { name = $1; rows = $2; next } { print name "\t" rows "\t" $NF }'; }

# objects: print what the database has beside tables, as lines IN-HEX<TAB>JSON of kind and name
objects() {
  ask "SELECT HEX(named), JSON_QUOTE(named) FROM (
      SELECT CONVERT(CONCAT('view ', table_name) USING utf8mb4) AS named FROM information_schema.tables
        WHERE table_schema = DATABASE() AND table_type = 'VIEW' $only
      UNION ALL SELECT CONVERT(CONCAT('sequence ', table_name) USING utf8mb4) FROM information_schema.tables
        WHERE table_schema = DATABASE() AND table_type = 'SEQUENCE' $only
      UNION ALL SELECT CONCAT('trigger ', trigger_name)
        FROM (SELECT trigger_name, trigger_schema, event_object_table AS table_name FROM information_schema.triggers) t
        WHERE trigger_schema = DATABASE() $only
      UNION ALL SELECT CONCAT(LOWER(routine_type), ' ', routine_name) FROM information_schema.routines
        WHERE routine_schema = DATABASE() AND $whole
      UNION ALL SELECT CONCAT('event ', event_name) FROM information_schema.events
        WHERE event_schema = DATABASE() AND $whole) o
    ORDER BY 1"
}

# broken_views: print the names of views that have become none: a table or a column is gone that they show. What dumps
# ends there. CHECK TABLE says so of each.
broken_views() {
  ask "SELECT CONCAT('CHECK TABLE \`', REPLACE(table_name, '\`', '\`\`'), '\`;') FROM information_schema.tables
    WHERE table_schema = DATABASE() AND table_type = 'VIEW'" | sql "$database" --raw |
    awk -F '\t' -v database="$database" '$3 == "Error" && !seen[$1]++ { print substr($1, length(database) + 2) }'
}

# in_database NAME COMMAND…: run a function that asks, about another database
in_database() {
  live=$database
  database=$1
  shift
  "$@"
  asked=$?
  database=$live
  return "$asked"
}

# with_triggers: print the names of the tables of $database that have triggers; where none has, that of any table. What
# dumps takes its time with each table of which it is not told to leave it alone.
with_triggers() {
  ask "SELECT DISTINCT event_object_table FROM information_schema.triggers WHERE trigger_schema = DATABASE()
    UNION (SELECT table_name FROM information_schema.tables
      WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE' LIMIT 1)"
}

# no_rows OPTION…: dump neither tables nor rows, and nothing of the views whose names are in $broken
no_rows() {
  while IFS= read -r view; do [ -z "$view" ] || set -- "--ignore-table=$from.$view" "$@"; done <<END
$broken
END
  # shellcheck disable=SC2086 # the options are words
  "$tool" --defaults-file="$options" $tuned --default-character-set=utf8mb4 --single-transaction --no-create-info \
    --no-data "$@"
}

# beside_tables DATABASE EVENTS TABLE…: print what makes everything beside the tables of a database, or beside
# the given ones alone; but not the views whose names are in $broken
beside_tables() {
  from=$1
  with=$2
  shift 2
  if [ "$whole" = 1 ]; then
    while IFS= read -r table; do [ -z "$table" ] || set -- "$@" "$table"; done <<END
$(in_database "$from" with_triggers)
END
    # Routines right behind events, as in a dump of everything; where tables are given, MariaDB's tool takes them first.
    no_rows --triggers "$with" -- "$from" "$@" >"$COUNTERSIGN_FILES/beside.sql" || return 1
    sed '/^\/\*!40103 SET TIME_ZONE=@OLD_TIME_ZONE/,$d' "$COUNTERSIGN_FILES/beside.sql"
    no_rows --skip-triggers --routines -- "$from" "$@" || return 1
  else
    no_rows --triggers -- "$from" "$@"
    return
  fi
  set --
  while IFS= read -r view; do
    [ -n "$view" ] || continue
    case "
$broken
" in *"
$view
"*) ;; *) set -- "$@" "$view" ;; esac
  done <<END
$(in_database "$from" ask "SELECT table_name FROM information_schema.views WHERE table_schema = DATABASE() ORDER BY 1")
END
  [ $# -gt 0 ] || return 0
  # shellcheck disable=SC2086 # the options are words
  "$tool" --defaults-file="$options" $tuned --default-character-set=utf8mb4 --single-transaction --no-data \
    --skip-triggers -- "$from" "$@"
}
