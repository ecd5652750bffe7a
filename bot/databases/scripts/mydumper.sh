# shellcheck shell=sh disable=SC2154,SC2034 # set and used by the scripts that are put around it at run time
# Dumping with mydumper, for POSIX sh: what dump.sh does with a large database, where that suits it. mydumper reads the rows
# alone, with several sessions. The tool of every other dump writes down the tables and what is beside them, so that
# these come back just as they do from every other dump. All of it is one file in the end, BACKUP.mydumper.tar:
#
#   BACKUP/schema.sql   the tables, without rows
#   BACKUP/rows/        mydumper's own folder
#   BACKUP/beside.sql   triggers, routines, events and views
#
# Until then it lies in a folder whose name ends in `.part`, in the directory of the backups, with the file `owner` that
# says who is at work in it. What dump.py writes before it, beside what dump.sh names:
#
#   mydumper_from   bytes of data from which a database is large
#   not_by_mydumper why this dump is none for mydumper, however large; or nothing

folder=
packing=

# large: whether the database is a large one, and mydumper is there
large() {
  [ "$(awk -v data="$data_bytes" -v from="$mydumper_from" 'BEGIN { print (data >= from) }')" = 1 ] && first mydumper >/dev/null
}

# unsuited: print why mydumper does not suit this dump; nothing where it does
unsuited() {
  if [ -n "$not_by_mydumper" ]; then
    printf '%s\n' "$not_by_mydumper"
    return
  fi
  if ! first myloader >/dev/null || ! first tar >/dev/null; then
    printf 'myloader and tar are needed to put it back\n'
    return
  fi
  for option in database outputdir no-schemas compress long-query-guard defaults-file; do
    mydumper_has "$option" || {
      printf 'this version has no --%s\n' "$option"
      return
    }
  done
  parallel_tls mydumper >/dev/null || {
    printf 'this version cannot encrypt its way to the server as database.tls asks\n'
    return
  }
  if [ -n "$free" ] && [ "$free" -lt $((2 * needed)) ]; then
    printf '%s KiB are free, and %s are needed for its folder and the file\n' "$free" $((2 * needed))
    return
  fi
  case $database in *[!A-Za-z0-9_]*)
    printf 'the name of the database has more than letters, digits and underscores\n'
    return
    ;;
  esac
  # Whoever may not take the global lock gets no snapshot that all sessions share.
  if ! grants | grep -q -E '(ALL PRIVILEGES|RELOAD).* ON \*\.\*'; then
    printf 'the account may not FLUSH TABLES WITH READ LOCK (RELOAD)\n'
    return
  fi
  if ! packs_slowly && ! grants | grep -q -E '(ALL PRIVILEGES|SUPER|BINLOG MONITOR|REPLICATION CLIENT).* ON \*\.\*'; then
    printf 'the account may not read the position of the binary log (REPLICATION CLIENT), as this version wants to\n'
    return
  fi
  # The lock would stop the whole cluster, or wait for the query while everybody who writes waits for the lock.
  if ask "SHOW GLOBAL VARIABLES LIKE 'wsrep_on'" | grep -q 'ON$'; then
    printf 'the server is a node of a cluster\n'
    return
  fi
  if [ "$(ask "SELECT COUNT(*) FROM $(processlist) WHERE command = 'Query' AND time >= 10")" != 0 ]; then
    printf 'there is a query that has run for more than 10 s\n'
    return
  fi
  found=$(ask "SELECT CONCAT(table_name, ' is no plain InnoDB table') FROM information_schema.tables
      WHERE table_schema = DATABASE() AND table_type <> 'VIEW'
        AND (table_type <> 'BASE TABLE' OR COALESCE(engine, '') <> 'InnoDB')
    UNION ALL SELECT CONCAT('the name of the table ', table_name, ' has more than letters, digits and underscores')
      FROM information_schema.tables
      WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE' AND table_name REGEXP '[^A-Za-z0-9_]'
    UNION ALL SELECT CONCAT('the name of the column ', table_name, '.', column_name, ' has a backtick')
      FROM information_schema.columns WHERE table_schema = DATABASE() AND LOCATE('\`', column_name) > 0
    UNION ALL SELECT CONCAT('the column ', table_name, '.', column_name, ' is invisible')
      FROM information_schema.columns WHERE table_schema = DATABASE() AND extra LIKE '%INVISIBLE%'
    LIMIT 1") || found='the list of tables cannot be read'
  printf '%s' "$found"
}

# mydumper_has OPTION: whether this version has it
mydumper_has() {
  [ -n "${mydumper_help:-}" ] || mydumper_help=$(mydumper --help 2>/dev/null)
  case $mydumper_help in *"--$1"*) return 0 ;; *) return 1 ;; esac
}

# divisible: whether large tables may be read in pieces, by ranges of their first unique column. Old versions count the
# ranges without a sign, and would leave rows out or never end.
divisible() {
  mydumper_has rows || return 1
  outside=$(
    ask "SELECT CONCAT('SELECT 1 FROM (SELECT MIN(\`', s.column_name, '\`) AS low, MAX(\`', s.column_name, '\`) AS high FROM \`',
        s.table_name, '\`) ends WHERE low < 0 OR high > 4000000000000000000;')
      FROM information_schema.statistics s
      JOIN information_schema.columns c ON c.table_schema = s.table_schema AND c.table_name = s.table_name
        AND c.column_name = s.column_name
      WHERE s.table_schema = DATABASE() AND s.seq_in_index = 1 AND s.non_unique = 0
        AND c.data_type IN ('int', 'bigint', 'mediumint')" | sql "$database"
  ) && [ -z "$outside" ]
}

# begun: whether there are rows already, and so a snapshot
begun() {
  for piece in "$root"/rows/*.sql*; do [ -e "$piece" ] && return 0; done
  return 1
}

# told: the last of what mydumper said
told() { tail -n 4 "$folder/log" | tr '\n' ' ' | tail -c 400; }

# stop_mydumper: end it, and take away what it wrote
stop_mydumper() {
  [ -n "$folder" ] || return 0
  if [ -s "$folder/pid" ] && [ ! -s "$folder/ended" ]; then
    kill -KILL "$(cat "$folder/pid")" 2>/dev/null
    wait "$dumping"
  fi
  # shellcheck disable=SC2086 # these are words
  [ -z "$packing" ] || { kill $packing 2>/dev/null; wait $packing; }
  packing=
  rm -rf -- "$folder"
  folder=
}

# written NAME: take a file that the other tool wrote into the dump, if it is whole
written() {
  last_line_is_trailer <"$folder/$1" && sed '/^\/\*M!999999/d' "$folder/$1" >"$root/$1.sql"
}

# described: write down the tables, and what is beside them
described() {
  # shellcheck disable=SC2046,SC2086 # these are words
  "$tool" --defaults-file="$options" $tuned --default-character-set=utf8mb4 --single-transaction --no-data \
    --skip-triggers -- "$database" \
    $(printf '%s\n' "$contents" | awk -F '\t' '$1 == "table" { gsub(/"/, "", $3); print $3 }') >"$folder/schema" ||
    fail dump "$tool could not write down the tables"
  written schema || fail dump "$tool could not write down the tables"
  beside_tables "$database" --events >"$folder/beside" || fail dump "$tool could not write down what is beside the tables"
  written beside || fail dump "$tool could not write down what is beside the tables"
}

# packs_slowly: whether this is one of the versions up to 0.10, which pack as zlib does where nobody asks for speed: half
# of the time would go there
packs_slowly() {
  mydumper_has compress
  case $mydumper_help in *'Compress output files
'*) return 0 ;; *) return 1 ;; esac
}

# pack_rows WORKER: pack what mydumper wrote as soon as it has closed it, until there is no more. No two workers take the
# same file, and each reads back what it packed.
pack_rows() {
  worker=$1
  while :; do
    over=
    [ -d "$folder" ] || return 1
    [ ! -s "$folder/ended" ] || over=yes
    set -- "$root"/rows/*.sql
    # Listed after them: whatever of them is not open now is whole.
    open=
    if [ -z "$over" ]; then open=$(ls -l "/proc/$(cat "$folder/pid")/fd" 2>/dev/null) || set --; fi
    packed=
    for piece; do
      case $open in *"/${piece##*/}"*) continue ;; esac
      mv -- "$piece" "$piece.$worker" 2>/dev/null || continue
      packed=yes
      gzip -1 -c <"$piece.$worker" >"$piece.gz" && gzip -t "$piece.gz" && rm -f -- "$piece.$worker" || return 1
    done
    [ -z "$over" ] || [ -n "$packed" ] || return 0
    [ -n "$packed" ] || sleep 0.1 2>/dev/null || sleep 1
  done
}

# intact: whether all that is packed can be unpacked again
intact() {
  find "$root/rows" -type f -name '*.gz' -exec gzip -t {} + && find "$root/rows" -type f -name '*.zst' -exec zstd -q -t {} +
}

# dump_with_mydumper: make the dump; fails with a reason in $without where it could not even begin
dump_with_mydumper() {
  folder=$directory/$backup.mydumper.$attempt.part
  root=$folder/$backup
  mkdir -- "$folder" "$root" || fail directory "$folder cannot be made"
  printf '%s %s\n' "$$" "$(born "$$")" >"$folder/owner"
  # A lock that does not come in time stops no site.
  { parallel_options; printf 'init-command=SET SESSION lock_wait_timeout=10\n'; } >"$COUNTERSIGN_FILES/mydumper.cnf"
  set -- --database="$database" --outputdir="$root/rows" --no-schemas --long-query-guard=10
  slow=
  if packs_slowly; then slow=yes; else set -- "$@" --compress; fi
  # The lock is held until every session has its snapshot, and no longer.
  for option in trx-consistency-only trx-tables; do
    if mydumper_has "$option"; then
      set -- "$@" "--$option"
      break
    fi
  done
  if divisible; then set -- "$@" --rows=100000; fi
  # shellcheck disable=SC2046 # it is one word or none
  set -- "$@" $(parallel_tls mydumper)
  look_before
  (
    # shellcheck disable=SC2016 # the inner shell sets these
    sh -c 'printf "%s\n" "$$" >"$0"; exec mydumper "$@"' "$folder/pid" \
      --defaults-file="$COUNTERSIGN_FILES/mydumper.cnf" "$@" >"$folder/log" 2>&1 4>&- 5>&- 6>&-
    printf '%s\n' "$?" >"$folder/ended"
  ) &
  dumping=$!
  for worker in ${slow:+1 2}; do
    pack_rows "$worker" >"$folder/packing.$worker" 2>&1 4>&- 5>&- 6>&- &
    packing="$packing $!"
  done
  snapped=
  ticks=0
  until [ -s "$folder/ended" ]; do
    sleep 0.1 2>/dev/null || sleep 1
    ticks=$((ticks + 1))
    if [ -z "$snapped" ] && begun; then
      if grep -q 'not be consistent' "$folder/log"; then break; fi
      look_after
      snapped=yes
      described
    fi
    if [ $((ticks % 10)) = 0 ] && [ "$(free_kib "$directory")" -lt "$reserve" ]; then
      fail space "$directory has less than $reserve KiB free"
    fi
  done
  if [ -z "$snapped" ] && { [ "$(cat "$folder/ended" 2>/dev/null)" != 0 ] || grep -q 'not be consistent' "$folder/log"; }; then
    without=$(told)
    look_away
    stop_mydumper
    return 1
  fi
  # Quick ones are over before anybody looked, and those without rows have none to see.
  if [ -z "$snapped" ]; then
    look_after
    described
  fi
  ended=$(cat "$folder/ended")
  if [ "$ended" != 0 ] || grep -q -E 'CRITICAL|not be consistent' "$folder/log"; then
    interruption "$server_began" >&2
    told >&2
    fail dump "mydumper did not end well (exit status $ended)"
  fi
  grep -q 'Finished dump at' "$root/rows/metadata" || fail trailer 'the metadata of mydumper do not say that it finished'

  whole_rows=0
  for worker in $packing; do wait "$worker" || whole_rows=$?; done
  packing=
  if [ "$whole_rows" != 0 ]; then
    cat "$folder"/packing.* >&2
    fail compress 'the rows could not be packed'
  fi
  [ -n "$slow" ] || intact >&2 &
  checking=$!
  part=${folder%.part}.tar.part
  free=$(free_kib "$directory")
  watch sha256 digest
  stages=$(
    {
      staged archive tar -C "$folder" -cf - "$backup" | staged write keep sha256
    } 3>&1
  )
  require compress 'the archive could not be written' write
  require compress 'tar could not read what mydumper wrote' archive
  wait "$checking"
  stages=$(printf 'dump=%s\nintegrity=%s\ntrailer=0\n%s\n' "$ended" $? "$stages")
  require integrity 'what mydumper packed cannot be read back'
  file=$backup.mydumper.tar
  # shellcheck disable=SC1003 # a backslash, and no escaped quote
  version=$(mydumper --version | tr -d '"\\' | tr -cd '[:print:]')
  packer=zstd
  if [ -n "$(find "$root/rows" -type f -name '*.gz' | head -n 1)" ]; then packer=gzip; fi
  stop_mydumper
}
