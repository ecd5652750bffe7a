# shellcheck shell=sh disable=SC2154,SC2034 # set and used by the scripts that are put around it at run time
# Puts the tables of a restored copy into the place of the live ones, in one statement; for POSIX sh. What restoring.py
# writes before it:
#
#   backup               the backup's ID
#   source fresh old     the live database, the copy, and the database in which the live tables are kept
#   live_sql fresh_sql old_sql   the same as SQL that gives each name between backticks
#   only referenced_only SQL that narrows lists of tables, and of tables that are referred to, or nothing
#   kept                 where load.sh left the dump's events
#   status_…             the exit status of each stage that can fail
#   "$@"                 the chosen tables, if only some are restored
#
# A table with triggers cannot change its database, and views, routines and events belong to theirs: they are written
# down, dropped, and made anew behind the tables. Whatever fails, everything is put back as it was, and it is said.

doing="restoring $backup"
expected=$COUNTERSIGN_FILES/expected
database=$source
settings='lock_wait_timeout = 60'
touched=

name="CONCAT('\`', REPLACE(table_name, '\`', '\`\`'), '\`')"

# moves FROM-SQL TO-SQL: print the parts of RENAME TABLE that move the tables of $database, each after a comma
moves() {
  ask "SELECT CONCAT(', ', $1, '.', $name, ' TO ', $2, '.', $name) FROM information_schema.tables
    WHERE table_schema = DATABASE() AND table_type <> 'VIEW' $only"
}

# drops: print what drops everything beside the tables of $database
drops() {
  ask "SELECT CONCAT('DROP ', kind, ' IF EXISTS \`', REPLACE(named, '\`', '\`\`'), '\`;') FROM (
      SELECT 'TRIGGER' AS kind, CONVERT(trigger_name USING utf8mb4) AS named FROM (
        SELECT trigger_name, trigger_schema, event_object_table AS table_name FROM information_schema.triggers) t
        WHERE trigger_schema = DATABASE() $only
      UNION ALL SELECT 'VIEW', table_name FROM information_schema.views WHERE table_schema = DATABASE() AND $whole
      UNION ALL SELECT routine_type, routine_name FROM information_schema.routines
        WHERE routine_schema = DATABASE() AND $whole
      UNION ALL SELECT 'EVENT', event_name FROM information_schema.events WHERE event_schema = DATABASE() AND $whole) o"
}

plain() { sed -e '/^\/\*M!999999/d' "$1"; }

# rename MOVES: move tables, all or none
rename() {
  [ -n "$1" ] || return 0
  printf 'RENAME TABLE %s;\n' "${1#, }" | sql "$source"
}

count_tables() {
  ask "SELECT COUNT(*) FROM information_schema.tables
    WHERE table_schema = DATABASE() AND table_type <> 'VIEW'"
}

# moved: whether the tables are where the swap puts them, whatever the server had time to answer
moved() {
  if [ -n "$there" ]; then
    [ "$(in_database "$old" count_tables)" != 0 ]
  else
    [ "$(in_database "$fresh" count_tables)" = 0 ]
  fi
}

# end_rename: end the statement that moves the tables, should it be at work in the server though who sent it is gone
end_rename() {
  since=$(date +%s)
  while at_work=$(ask "SELECT id FROM $(processlist)
      WHERE info LIKE 'RENAME TABLE %' AND LOCATE($old_sql, info) > 0") && [ -n "$at_work" ]; do
    [ $(($(date +%s) - since)) -lt 60 ] || return 1
    for one in $at_work; do ask "KILL $one" >/dev/null 2>&1; done
    sleep 0.2 2>/dev/null || sleep 1
  done
}

# unchanged: whether what is beside the tables is what was there before anything was touched
unchanged() {
  objects >"$kept/all" && but_broken <"$kept/all" >"$kept/after" && cmp -s "$kept/before" "$kept/after" || return 1
  [ "$whole" = 1 ] || return 0
  beside_tables "$source" --events >"$kept/now.sql" || return 1
  [ "$(without_comments "$kept/old.sql")" = "$(without_comments "$kept/now.sql")" ]
}

# without_comments FILE: what a dump does
without_comments() { grep -v -e '^-- ' -e '^--$' "$1"; }

# but_broken: leave out what is broken from what `objects` printed: nothing can make it again
but_broken() {
  if [ -z "$broken" ]; then cat; return; fi
  printf '%s\n' "$broken" | while IFS= read -r view; do
    printf 'view %s' "$view" | od -A n -v -t x1 | tr -d ' \n' | tr a-f A-F
    printf '\n'
  done >"$kept/broken"
  awk -F '\t' 'NR == FNR { broken[$1]; next } !($1 in broken)' "$kept/broken" -
}

# may_not_make_again: print why this account may not make again what is beside the tables and others own; it is tried
may_not_make_again() {
  ask "SELECT CONCAT('CREATE DEFINER=\`', REPLACE(LEFT(owner, CHAR_LENGTH(owner) - LOCATE('@', REVERSE(owner))), '\`', '\`\`'),
      '\`@\`', SUBSTRING_INDEX(owner, '@', -1), '\` VIEW countersign_trial AS SELECT 1 AS one; DROP VIEW countersign_trial')
    FROM (
      SELECT definer AS owner FROM information_schema.views WHERE table_schema = DATABASE() AND $whole
      UNION SELECT definer FROM (
        SELECT definer, trigger_schema, event_object_table AS table_name FROM information_schema.triggers) t
        WHERE trigger_schema = DATABASE() $only
      UNION SELECT definer FROM information_schema.routines WHERE routine_schema = DATABASE() AND $whole
      UNION SELECT definer FROM information_schema.events WHERE event_schema = DATABASE() AND $whole) o
    WHERE owner <> CURRENT_USER() AND owner LIKE '%_@_%'" | while IFS= read -r trial; do
    said=$(in_database "$old" ask "$trial" </dev/null 2>&1) || printf '%s\n' "$said"
  done | grep '^ERROR ' | head -n 1
}

put_back() {
  [ -n "$touched" ] || return 0
  touched=
  bad=
  # A server that has just died is mostly back in a minute, and only then can anything be put back.
  since=$(date +%s)
  until ask 'SELECT 1' >/dev/null 2>&1 || [ $(($(date +%s) - since)) -ge 60 ]; do sleep 1; done
  end_rename || bad=yes
  if moved; then
    drops | sql "$source" --force
    rename "$back" || bad=yes
  fi
  # What was not dropped is as it was. What the account may not make again it could not drop either, or it is missed below.
  unchanged || { plain "$kept/old.sql" | sql "$source" --force; unchanged; } || bad=yes
  if [ -n "$bad" ]; then
    printf 'What was there could not be put back whole: see %s and %s.\n' "$(quote "$old")" "$kept/old.sql" >&2
    exit "$status_half"
  fi
  # Where it is missing, whoever comes later knows that nothing was swapped.
  [ "$(in_database "$old" count_tables)" != 0 ] || printf 'DROP DATABASE %s;\n' "$(quote "$old")" | sql "$source" || :
  printf 'Everything was put back as it was.\n' >&2
}

at_the_end put_back

# ── before anything is touched ───────────────────────────────────────────────────────────────────────────────────────

choose_client || fail tools 'neither mariadb nor mysql is installed'
said=$(ask 'SELECT VERSION()' 2>&1) || fail connect "$said"
tool=$(dumper "$said") || fail tools 'neither mariadb-dump nor mysqldump is installed'
tuned=$(tuned "$tool")

outside=$(ask "SELECT CONCAT(table_schema, '.', table_name, ' refers to ', referenced_table_name)
  FROM information_schema.key_column_usage
  WHERE referenced_table_schema = DATABASE() $referenced_only AND NOT (table_schema = DATABASE() $only) LIMIT 5") ||
  fail connect 'the foreign keys cannot be read'
[ -z "$outside" ] || fail references "tables that stay refer to ones that would go: $outside"
outside=$(in_database "$fresh" ask "SELECT CONCAT(k.table_name, ' refers to ', k.referenced_table_name)
  FROM information_schema.key_column_usage k
  LEFT JOIN information_schema.tables t
    ON t.table_schema = k.referenced_table_schema AND t.table_name = k.referenced_table_name
  WHERE k.table_schema = DATABASE() AND k.referenced_table_name IS NOT NULL AND t.table_name IS NULL LIMIT 5")
[ -z "$outside" ] || fail references "restored tables refer to ones that are not in the backup: $outside"

broken=$(broken_views) || fail objects 'the views cannot be looked at'
if [ -n "$broken" ]; then
  printf 'These views are broken: they show what is no longer there. Nothing can make them again as they are:\n'
  printf '%s\n' "$broken" | while IFS= read -r view; do ask "SHOW CREATE VIEW $(quote "$view")" </dev/null; done
fi
{ objects >"$kept/all" && but_broken <"$kept/all" >"$kept/before"; } || fail objects 'views, triggers, routines and events cannot be read'
beside_tables "$source" --events "$@" >"$kept/old.sql" || fail objects "what is beside the tables cannot be written down"
of_live=$broken
broken=
beside_tables "$fresh" --skip-events "$@" >"$kept/new.sql" || fail objects "what is beside the tables cannot be written down"
broken=$of_live
there=$(moves "$live_sql" "$old_sql") || fail connect 'the list of tables cannot be read'
come=$(in_database "$fresh" moves "$fresh_sql" "$live_sql") || fail connect 'the list of tables cannot be read'
back="$(in_database "$fresh" moves "$live_sql" "$fresh_sql")$(moves "$old_sql" "$live_sql")"
new_drops=$(in_database "$fresh" drops) || fail objects 'views, triggers and routines cannot be read'
charset=$(ask "SELECT CONCAT('CHARACTER SET ', default_character_set_name, ' COLLATE ', default_collation_name)
  FROM information_schema.schemata WHERE schema_name = DATABASE()")
printf 'CREATE DATABASE IF NOT EXISTS %s %s;\n' "$(quote "$old")" "$charset" | sql "$source" ||
  fail create "$old cannot be made"
if hindered=$(may_not_make_again) && [ -n "$hindered" ]; then
  printf 'DROP DATABASE %s;\n' "$(quote "$old")" | sql "$source"
  fail objects "the account may not make again what others own, so that nothing could be put back: $hindered"
fi

# ── the swap ─────────────────────────────────────────────────────────────────────────────────────────────────────────

touched=yes
drops | sql "$source" || fail swap 'what is beside the tables cannot be dropped'
printf '%s\n' "$new_drops" | sql "$fresh" || fail swap 'what is beside the restored tables cannot be dropped'
rename "$there$come" || fail swap 'the tables could not be moved'
plain "$kept/new.sql" | sql "$source" || fail objects 'views, triggers or routines of the backup cannot be made'
if [ "$whole" = 1 ]; then
  sql "$source" <"$kept/$backup.events.sql" || fail objects 'events of the backup cannot be made'
fi
awk -F '\t' '$1 == "object" { print $2 }' "$expected" | sort >"$kept/wanted"
objects | awk -F '\t' '{ print $1 }' | sort >"$kept/made"
if [ -s "$kept/wanted" ] && ! cmp -s "$kept/wanted" "$kept/made"; then
  fail objects 'what is beside the tables is not what was dumped'
fi
touched=

# What failed from here on would only make the kept tables poorer.
plain "$kept/old.sql" | sed '/^-- Dumping events for database/,/^-- Dumping routines for database/d' |
  sql "$old" >/dev/null 2>&1
printf 'DROP DATABASE IF EXISTS %s;\n' "$(quote "$fresh")" | sql "$source" || :
rm -rf "$kept"
printf 'backup %s is live; what was there is in %s\n' "$backup" "$(quote "$old")"
