# shellcheck shell=sh disable=SC2154,SC2034,SC2030,SC2031 # set and used by the scripts that are put around it at run time
# Runs pending migrations on a copy of a database, on the host, for POSIX sh. What rehearsal_script.py writes before it:
#
#   run          letters and digits that name the run
#   attempt      which attempt of the step this is
#   sha          the commit whose migrations they are
#   source       the database that is copied; it is only read
#   scratch      the database that is made and dropped: SOURCE_countersign_rehearsal_RUN
#   table        in which the database remembers which migrations ran
#   table_sql scratch_sql   both names, quoted for SQL
#   elsewhere    name of the option file for the server that holds the copy; empty where it is the live one
#   most_bytes   up to this size the rows are copied too
#   backup dump sha256 data_bytes made_at made_epoch   the backup whose data the copy gets, its file, the file's checksum, how much
#                there was in the tables, and when; empty where the copy is made of the live database
#   pipe         where the bot sends that file: the name of the pipe; else nothing
#   no_data no_data_detail   why there is no such backup although one was wanted
#   reserve      KiB that must stay free
#   schema_sql   prints the schema of the database in use
#   setup probe pretend apply   scripts of the recipe
#   "$@"         the paths of the migrations' files, in order
#
# It starts in the checkout that serves the site and changes nothing there but `.git/countersign-rehearsal-RUN`, which it
# removes again, and the scratch database. Its results lie in COUNTERSIGN_RUN_DIR/rehearsal.ATTEMPT as small files:
#
#   facts        lines KEY<TAB>VALUE; the last `outcome` counts: ok, failed, or not_possible with `why` and `detail`
#   trials       lines NUMBER<TAB>STATUS<TAB>MILLISECONDS, one a migration that was run
#   pretend.N    what the migration said that it would run; pretend.N.failed instead where it could not say
#   changed.N    lines of the schema that it took away (<) and brought (>)
#   output.N     what it printed, where it failed
#   before after the schema of the tables that changed
#
# It ends with status 0 whatever the outcome; anything else means that it was ended. Credentials are in files of the job.

# Frameworks break the lines of an error at the width of the terminal.
COLUMNS=4000
GIT_OPTIONAL_LOCKS=0
export COLUMNS GIT_OPTIONAL_LOCKS

live=$PWD
results=$COUNTERSIGN_RUN_DIR/rehearsal.$attempt
[ -z "$pipe" ] || pipe=$COUNTERSIGN_RUN_DIR/$pipe
rm -rf "$results"
mkdir -p "$results" || exit 1
export live

tell() { printf '%s\t%s\n' "$1" "$2" >>"$results/facts"; }

# impossible WHY DETAIL: nothing was learnt, and that is all
impossible() {
  tell why "$1"
  tell detail "$(printf '%s' "$2" | tr '\t\n' '  ' | head -c 600)"
  tell outcome not_possible
  printf 'not rehearsed (%s): %s\n' "$1" "$2"
  exit 0
}

# at_copy COMMAND…: run it with the account that makes the copy
at_copy() (
  if [ -n "$elsewhere" ]; then
    options=$COUNTERSIGN_FILES/$elsewhere
    secured=$(secure "$client")
  fi
  "$@"
)

# copies SQL: run it at the server that holds the copy
copies() { at_copy session --skip-column-names --execute="$1"; }

schema() { at_copy query "$scratch" "$schema_sql" | sort; }
records() { at_copy query "$scratch" "SELECT * FROM $table_sql" | cksum; }

# Milliseconds; whole seconds where `date` knows nothing finer.
now() {
  instant=$(date +%s%N)
  case $instant in
    *[!0-9]*) printf '%s000\n' "$(date +%s)" ;;
    *) printf '%s\n' "${instant%??????}" ;;
  esac
}

# ── what earlier ones left ───────────────────────────────────────────────────────────────────────────────────────────

drop() { copies "DROP DATABASE IF EXISTS $(quote "$1")" >/dev/null; }

sweep() {
  for old_owner in "$git_dir"/countersign-rehearsal-*.owner; do
    [ -e "$old_owner" ] || continue
    if ! lives "$old_owner"; then
      old=${old_owner%.owner}
      gone=yes
      for name in "$prefix${old##*-rehearsal-}" "$prefix${old##*-rehearsal-}_p"; do drop "$name" || gone=; done
      if remove_tree "$old" && [ -n "$gone" ]; then rm -f "$old_owner"; fi
    fi
  done
  # Those that nobody on this host owns: made by another host, or by a bot that ended.
  copies "SELECT s.schema_name FROM information_schema.schemata s
    LEFT JOIN information_schema.tables t ON t.table_schema = s.schema_name
    WHERE LEFT(s.schema_name, CHAR_LENGTH('$prefix_sql')) = '$prefix_sql'
    GROUP BY s.schema_name
    HAVING COALESCE(MIN(t.create_time), '2000-01-01') < NOW() - INTERVAL 1 DAY" |
    while IFS= read -r name; do
      suffix=${name#"$prefix"}
      [ -e "$git_dir/countersign-rehearsal-${suffix%_p}.owner" ] || drop "$name"
    done
}

# ── the copy ─────────────────────────────────────────────────────────────────────────────────────────────────────────

create() { copies "CREATE DATABASE $scratch_sql $charset"; }

# piped: run mysqldump with "$@" into the copy; whether every stage ended well
piped() {
  stages=$(
    {
      staged dump in_large_pieces "$tool" --defaults-file="$options" "$@" | staged neutral neutral |
        staged load at_copy session "$scratch"
    } 3>&1 2>"$results/copying"
  )
  staged_well dump neutral load
}

# restored: fill the copy with the data of the backup; whether it holds what the live database holds, but for the rows
restored() {
  lies_whole || return 1
  home=$(copies 'SELECT @@datadir')
  if [ -z "$elsewhere" ] && [ -d "$home" ]; then
    free=$(free_kib "$home")
    # shellcheck disable=SC2017 # multiplied first, it could overflow
    needed=$((data_bytes / 1024 * 6 / 5 + reserve))
    if [ -n "$free" ] && [ "$free" -lt "$needed" ]; then
      without space "the database server has $free KiB free, and $needed KiB are needed"
      return 1
    fi
  fi
  await_dump || without backup_unreadable 'a pipe cannot be made' || return 1
  stages=$(
    {
      staged unpack arriving | staged rows rows_alone | staged neutral neutral | staged load at_copy sql "$scratch"
    } 3>&1 2>"$results/copying"
  )
  # What came only in part, or is not what was made, says nothing of the data.
  arrived_whole || without backup_unreadable "what came of $dump is not what was made" || return 1
  staged_well unpack rows neutral load ||
    without not_loaded "$stages: $(cat "$results/copying")" || return 1
  query "$source" "$schema_sql" | tables_alone | sort >"$results/schema.live"
  schema | tables_alone >"$results/schema.kept"
  recorded=$(query "$source" "SELECT * FROM $table_sql" | cksum)
  if ! cmp -s "$results/schema.live" "$results/schema.kept" || [ "$(records)" != "$recorded" ]; then
    without other_schema "$(differing "$results/schema.live" "$results/schema.kept")"
  fi
}

copy() {
  stages=
  if [ -n "$dump" ]; then
    restored
    had=$?
    no_more
    if [ "$had" -eq 0 ]; then
      tell rows backup
      tell backup "$backup"
      tell made_at "$made_at"
      tell age "$(backup_age)"
      dump=restored
    else
      drop "$scratch"
      create || return 1
    fi
  fi
  if [ -n "$no_data" ]; then
    tell no_data "$no_data"
    tell no_data_detail "$no_data_detail"
  fi
  # shellcheck disable=SC2046 # these are words
  set -- --single-transaction --quick --hex-blob --default-character-set=utf8mb4 $(tuned "$tool")
  [ "$dump" = restored ] || copied "$@" || return 1
  # A trigger or routine that names the live database would write there.
  "$tool" --defaults-file="$options" "$@" --no-create-info --no-data --triggers --routines -- "$source" \
    >"$results/routines" 2>/dev/null || : >"$results/routines"
  if grep -q -i -F -e "$source." -e "$source\`." "$results/routines"; then
    tell routines 'left out'
  else
    neutral <"$results/routines" | at_copy session "$scratch" 2>/dev/null || tell routines 'left out'
  fi
  rm -f "$results/routines" "$results/copying"
}

# copied OPTION…: fill the copy from the live database
copied() {
  rows=copied
  [ "$(query "$source" 'SELECT COALESCE(SUM(data_length), 0) <= '"$most_bytes"' FROM information_schema.tables
    WHERE table_schema = DATABASE()')" = 1 ] || rows=none
  tell rows "$rows"
  if [ "$rows" = copied ]; then
    piped "$@" --skip-triggers -- "$source" || return 1
  else
    piped "$@" --skip-triggers --no-data -- "$source" || return 1
    piped "$@" --skip-triggers --no-create-info -- "$source" "$table" || return 1
  fi
}

# ── from here on there is something to remove ────────────────────────────────────────────────────────────────────────

tidy() {
  no_more
  cd "$live" || return
  gone=yes
  drop "$scratch" || gone=
  remove_tree "$tree" || gone=
  [ -z "$gone" ] || rm -f "$tree.owner"
  rm -f "$results"/schema.* "$results/touched"
}

choose_client || impossible tools 'neither mariadb nor mysql is installed'
said=$(query "$source" 'SELECT VERSION()' 2>&1) || impossible connect "$said"
tool=$(dumper "$said") || impossible tools 'neither mariadb-dump nor mysqldump is installed'
said=$(copies 'SELECT 1' 2>&1) || impossible connect "the server for the copy: $said"
git_dir=$(git rev-parse --absolute-git-dir) || impossible worktree 'git does not know this checkout'
prefix=${source}_countersign_rehearsal_
prefix_sql=$(printf '%s' "$prefix" | sed -e 's/\\/\\\\/g' -e "s/'/''/g")
tree=$git_dir/countersign-rehearsal-$run

sweep
if [ -e "$tree.owner" ]; then impossible busy 'this rehearsal is at work already, or what it left cannot be removed'; fi
at_the_end tidy
# Renamed, for who finds it empty takes its owner for dead.
if ! { printf '%s %s\n' "$$" "$(born "$$")" >"$tree.new" && mv "$tree.new" "$tree.owner"; }; then
  impossible worktree "$git_dir cannot be written to"
fi

said=$(git -c core.hooksPath=/dev/null worktree add --quiet --detach --force "$tree" "$sha" 2>&1) ||
  impossible worktree "$said"
drop "$scratch"
charset=$(query "$source" "SELECT CONCAT('CHARACTER SET ', default_character_set_name, ' COLLATE ', default_collation_name)
  FROM information_schema.schemata WHERE schema_name = DATABASE()")
said=$(create 2>&1) || impossible scratch "$said"
copy || impossible copy "$stages: $(head -c 400 "$results/copying")"

cd "$tree" || impossible worktree "$tree is gone"
# shellcheck disable=SC1091
. "$COUNTERSIGN_FILES/environment"
said=$(sh -c "$setup" 2>&1) || impossible setup "$said"
said=$(sh -c "$probe" 2>&1) || impossible probe "$said"
# Above it there may be notices of the language itself.
[ "$(printf '%s\n' "$said" | tail -n 1)" = "$scratch" ] || impossible elsewhere "the app would connect to: $said"

# ── the migrations ───────────────────────────────────────────────────────────────────────────────────────────────────

schema >"$results/schema.first"
cp "$results/schema.first" "$results/schema.before"
number=0
outcome=ok
for file; do
  number=$((number + 1))
  export file
  if ! sh -c "$pretend" >"$results/pretend.$number" 2>&1 </dev/null; then
    mv "$results/pretend.$number" "$results/pretend.$number.failed"
  fi
  recorded=$(records)
  began=$(now)
  sh -c "$apply" >"$results/output.$number" 2>&1 </dev/null
  status=$?
  ended=$(now)
  # Tools say that all is well where they find nothing to do.
  [ "$status" -ne 0 ] || [ "$(records)" != "$recorded" ] || status=unrecorded
  printf '%s\t%s\t%s\n' "$number" "$status" "$((ended - began))" >>"$results/trials"
  schema >"$results/schema.after"
  {
    comm -23 "$results/schema.before" "$results/schema.after" | sed 's/^/< /'
    comm -13 "$results/schema.before" "$results/schema.after" | sed 's/^/> /'
  } >"$results/changed.$number"
  mv "$results/schema.after" "$results/schema.before"
  printf '%s: %s (%s ms)\n' "$file" "$status" "$((ended - began))"
  if [ "$status" != 0 ]; then
    tail -c 4000 "$results/output.$number"
    outcome=failed
    break
  fi
  rm -f "$results/output.$number"
done
cat "$results"/changed.* | cut -f 2 | sort -u >"$results/touched"
for which in first:before before:after; do
  awk -F '\t' 'NR == FNR { wanted[$1]; next } $2 in wanted' "$results/touched" "$results/schema.${which%:*}" \
    >"$results/${which#*:}"
done
tell outcome "$outcome"
