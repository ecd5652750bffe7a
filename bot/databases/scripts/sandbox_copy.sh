# shellcheck shell=sh disable=SC2154,SC2034 # set and used by the scripts that are put around it at run time
# What a rehearsal copies into its sandbox, for POSIX sh: packages and the database. Nothing of the commit is run here: all
# that is run belongs to the host. `preamble.sh`, `dump_text.sh` and the functions of a sandbox come before it.

# ── the packages ─────────────────────────────────────────────────────────────────────────────────────────────────────

# copied_vendor: the packages of the live application; as files of their own, for a link would lead back
copied_vendor() {
  [ -d "$live/vendor" ] || return 0
  rm -rf -- "${sandbox_work:?}/vendor"
  cp -Rp -- "$live/vendor" "$sandbox_work/vendor" 2>"$box/copying" || { why=packages; said=$(cat "$box/copying"); return 1; }
}

# ── the database ─────────────────────────────────────────────────────────────────────────────────────────────────────

# from_live OPTION…: print what mysqldump writes of the live database, as another server takes it
from_live() {
  stages=$(
    {
      # shellcheck disable=SC2046 # these are words
      staged dump "$tool" --defaults-file="$options" --single-transaction --quick --hex-blob \
        --default-character-set=utf8mb4 $(tuned "$tool") "$@" | staged neutral neutral >&4
    } 3>&1 4>>"$box/dump.sql" 2>"$box/copying"
  )
  staged_well dump neutral && return
  why=copy
  said="$stages: $(cat "$box/copying")"
  return 1
}

# live_rows: write the rows of the live database: all of them, or of each table the first ones, and all of the table that
# records migrations
live_rows() {
  if [ "$rows" = copied ]; then
    from_live --skip-triggers -- "$source"
  else
    from_live --skip-triggers --no-data -- "$source" || return 1
    set --
    [ -z "$table_there" ] || set -- --ignore-table="$source.$table"
    # Without an order InnoDB reads by the primary key; mysqldump would put one behind the limit.
    from_live --skip-triggers --no-create-info --where="1 LIMIT $sample_rows" "$@" -- "$source" || return 1
    [ -z "$table_there" ] || from_live --skip-triggers --no-create-info -- "$source" "$table"
  fi
}

# backup_rows: write the rows of the backup; whether it holds what the live database holds, but for the rows
backup_rows() {
  lies_whole || return 1
  await_dump || without backup_unreadable 'a pipe cannot be made' || return 1
  stages=$({ staged unpack arriving | staged rows rows_alone | staged neutral neutral >&4; } 3>&1 4>"$box/dump.sql" 2>"$box/copying")
  arrived_whole || without backup_unreadable "what came of $dump is not what was made" || return 1
  staged_well unpack rows neutral || without not_loaded "$stages: $(cat "$box/copying")"
}

# loaded FILE: load it into the copy, so that what it makes belongs to the application's account
loaded() {
  sandbox_owner --binary-mode --max-allowed-packet=1G "$copy" <"$1" >"$box/loading" 2>&1 && return
  why=copy
  said=$(head -c 400 "$box/loading")
  return 1
}

# same_schema: whether the copy is the live database, but for the rows, and for what is not in it yet
same_schema() {
  query "$source" "$schema_sql" | tables_alone | sort >"$box/schema.live"
  schema "$copy" | tables_alone >"$box/schema.copy"
  if ! cmp -s "$box/schema.live" "$box/schema.copy" || [ "$(records query "$source")" != "$(records in_box "$copy")" ]; then
    without other_schema "$(differing "$box/schema.live" "$box/schema.copy")"
  fi
}

# records COMMAND DATABASE: a checksum of the table that records migrations, read with a command
records() { [ -z "$table_there" ] || "$1" "$2" "SELECT * FROM $(quote "$table")" | cksum; }

# database: fill the copy
database() {
  if [ -n "$backup" ]; then
    rows=backup
    if ! { backup_rows && loaded "$box/dump.sql" && same_schema; }; then
      [ -n "$no_data" ] || without not_loaded "$said"
      rows=
      : >"$box/dump.sql"
      sandbox_ask "DROP DATABASE $copy_sql; $create_sql" >"$box/loading" 2>&1 || { why=copy; said=$(cat "$box/loading"); return 1; }
    fi
    no_more
  fi
  if [ -n "$no_data" ]; then
    note no_data "$no_data"
    note no_data_detail "$no_data_detail"
  fi
  if [ -z "$rows" ]; then
    rows=sample
    [ "$data_kib" -gt "$copy_up_to" ] || rows=copied
    live_rows && loaded "$box/dump.sql" || return 1
  fi
  note rows "$rows"
  [ "$rows" != backup ] || note age "$(backup_age)"
  # Not every account may read them.
  : >"$box/routines.sql"
  # shellcheck disable=SC2046 # these are words
  "$tool" --defaults-file="$options" --default-character-set=utf8mb4 $(tuned "$tool") --no-create-info --no-data --triggers \
    --routines -- "$source" 2>/dev/null | neutral >"$box/routines.sql"
  loaded "$box/routines.sql" || note routines 'left out'
  # A migration may change or drop them; they must not act by themselves.
  # shellcheck disable=SC2046 # these are words
  "$tool" --defaults-file="$options" --default-character-set=utf8mb4 $(tuned "$tool") --no-create-info --no-data --skip-triggers \
    --events -- "$source" 2>/dev/null | neutral | disabled >"$box/events.sql"
  loaded "$box/events.sql" || :
}

# ── what is in it ────────────────────────────────────────────────────────────────────────────────────────────────────

# in_box DATABASE SQL: ask the sandbox's server; blanks within columns come escaped
in_box() { sandbox_client --batch --skip-column-names --binary-mode --execute="$2" "$1"; }

schema() { in_box "$1" "$schema_sql" | sort; }

# tables: print the names of the tables, escaped as rows are
tables() { in_box "$copy" "SELECT table_name FROM information_schema.tables WHERE $of_tables"; }

of_tables="table_schema = DATABASE() AND table_type IN ('BASE TABLE', 'SYSTEM VERSIONED')"

# generated SQL: run the statements that a query writes, whose every name is between backticks
generated() {
  in_box "$copy" "SET SESSION group_concat_max_len = 1048576; $1" | unescaped >"$box/generated.sql" &&
    sandbox_client --batch --skip-column-names --binary-mode --force "$copy" <"$box/generated.sql" 2>/dev/null
}

unescaped() { awk '{ gsub(/\\\\/, "\001"); gsub(/\\n/, "\n"); gsub(/\\t/, "\t"); gsub(/\001/, "\\"); print }'; }

# measured NAME: note how many rows each table has, and a checksum of them
measured() {
  generated "SELECT CONCAT('SELECT ', QUOTE(table_name), ', COUNT(*) FROM \`', REPLACE(table_name, '\`', '\`\`'), '\`;')
    FROM information_schema.tables WHERE $of_tables" | sort >"$box/counts.$1"
  # The times of versions are compared with those of the same server.
  generated "SELECT IF(table_type = 'SYSTEM VERSIONED', CONCAT('CHECKSUM TABLE \`', REPLACE(table_name, '\`', '\`\`'), '\`;'), $checksum_sql)
    FROM information_schema.tables WHERE $of_tables" | sort >"$box/sums.$1"
  schema "$copy" >"$box/schema.$1"
}

# as_live FILE: write the live database's name wherever the copy's stands
as_live() {
  [ "$copy" != "$source" ] || return 0
  copy=$copy live=$source awk '{
    text = ""
    while (place = index($0, ENVIRON["copy"])) {
      text = text substr($0, 1, place - 1) ENVIRON["live"]
      $0 = substr($0, place + length(ENVIRON["copy"]))
    }
    print text $0
  }' "$1" >"$box/renamed" && cat "$box/renamed" >"$1"
}
