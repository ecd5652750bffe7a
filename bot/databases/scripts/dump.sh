# shellcheck shell=sh disable=SC2154,SC2034 # set and used by the scripts that are put around it at run time
# Makes one checked dump of a database, on the host, for POSIX sh. What dump.py writes before it:
#
#   backup       the backup's ID
#   attempt      which attempt of the step this is
#   directory    where backups lie on this host; nothing where the bot takes the dump and keeps it elsewhere
#   recipient    the age key that the file is encrypted to, or nothing
#   last last_data   size of the backup before, and of the tables it was made of; 0 where there is none
#   checkout     of the application, whose commit is noted
#   reserve      KiB that must stay free beside the dump
#   only         SQL that narrows the list of tables to the chosen ones, or nothing
#   counts       whether rows are counted and checksums read, so that the backup can be proven: yes or no
#   origin       lines of JSON: where the backup is from and why it was made
#   status_…     the exit status of each stage that can fail
#   "$@"         the database, then the chosen tables, if only some are dumped
#
# The tool says nothing of what it read, so two sessions look too: one whose snapshot is taken just before the tool's own,
# and one whose snapshot is taken just after. A table that is the same in both is the same in the dump.
#
# The dump is DIRECTORY/BACKUP.sql.zst (or .gz; and .age behind that where it is encrypted). It counts as a backup when
# BACKUP.json lies beside it: that is written last, and only after every check. Until then the dump's name ends in `.part`.
# A large database is dumped with mydumper, where that suits it: mydumper.sh says how and into what.
# Without a directory the dump goes into a pipe that the bot reads; the manifest is left beside it for the bot to judge.
#
# What is packed is unpacked again while it goes by, and its checksum is taken, so that nothing is read twice here.
# Credentials are in a file of the job.

doing="backup $backup"
manifest=$directory/$backup.json
draft=$directory/$backup.$attempt.json.part
part=$directory/$backup.sql.$attempt.part
if [ -z "$directory" ]; then
  manifest=$COUNTERSIGN_RUN_DIR/$backup.$attempt.json
  draft=$manifest.part
  part=$COUNTERSIGN_RUN_DIR/$backup.$attempt.pipe
fi
watchers=

tidy() {
  rm -f -- "$part" "$part.open" "$draft"
  # Whoever waits for the pipe need not wait on.
  [ -n "$directory" ] || : >"$part.gone"
  # shellcheck disable=SC2086 # they are words
  [ -z "$watchers" ] || kill $watchers 2>/dev/null
  stop_mydumper
}
at_the_end tidy

pack() {
  # shellcheck disable=SC2086 # it is one word or none
  case $suffix in
    zst) zstd -1 -q -c --check $alone ;;
    gz) gzip -1 -c ;;
  esac
}

# snapshot NAME: open a session that reads what to do from a pipe of this name, to its end: it ends when nobody holds the
# pipe open any more
snapshot() {
  mkfifo "$COUNTERSIGN_FILES/$1.in" || fail contents 'a pipe cannot be made'
  session --skip-column-names --unbuffered "$database" \
    <"$COUNTERSIGN_FILES/$1.in" >"$COUNTERSIGN_FILES/$1.out" 2>"$COUNTERSIGN_FILES/$1.err" 4>&- 5>&- 6>&- &
}

take_snapshot='SET SESSION wait_timeout = 86400; SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ;
START TRANSACTION WITH CONSISTENT SNAPSHOT; SELECT 1, 1; SELECT 1, 1;'

# look_before: take a snapshot just before the tool's own, and open the session of the one after it
look_before() {
  [ "$counts" = yes ] || return 0
  counting=$(counting) || fail contents 'the list of tables cannot be read'
  snapshot before
  before=$!
  exec 4>"$COUNTERSIGN_FILES/before.in"
  snapshot after
  after=$!
  exec 5>"$COUNTERSIGN_FILES/after.in"
  (printf '%s\n' "$take_snapshot" >&4) 2>/dev/null
  until [ -s "$COUNTERSIGN_FILES/before.out" ]; do
    kill -0 "$before" 2>/dev/null || fail contents "$(cat "$COUNTERSIGN_FILES/before.err")"
    sleep 0.05 2>/dev/null || sleep 1
  done
}

# look_after: take a snapshot now that the tool has its own
look_after() {
  [ "$counts" = yes ] || return 0
  (printf '%s\n' "$take_snapshot" >&5) 2>/dev/null
}

# look_away: give both sessions up
look_away() {
  [ "$counts" = yes ] || return 0
  exec 4>&- 5>&-
  wait "$before" "$after"
  rm -f "$COUNTERSIGN_FILES"/before.* "$COUNTERSIGN_FILES"/after.*
}

# as_seen NAME: what a session with a snapshot found, after the two lines of `take_snapshot`
as_seen() { tail -n +3 "$COUNTERSIGN_FILES/$1.out" | counted | sort; }

# watch NAME COMMAND…: run a command on what goes by under this name; what it prints is kept. What it leaves unread is
# read all the same, so that it can hold up nobody.
watch() {
  mkfifo "$COUNTERSIGN_FILES/$1.in" || fail contents 'a pipe cannot be made'
  {
    seen=$1
    shift
    exec <"$COUNTERSIGN_FILES/$seen.in" >"$COUNTERSIGN_FILES/$seen.out" 2>"$COUNTERSIGN_FILES/$seen.err" \
      3>&- 4>&- 5>&- 6>&-
    "$@"
    exec cat >/dev/null
  } &
  watchers="$watchers $!"
}

# seen NAME: what the watcher of this name found
seen() { cat "$COUNTERSIGN_FILES/$1.out"; }

# unpacked: note whether standard input can be unpacked, and whether it then ends as a whole dump does
unpacked() {
  {
    staged integrity unpack ".$suffix" | staged trailer last_line_is_trailer
  } 3>&1
}

# past WATCHER…: let standard input go by watchers
past() (
  for watcher; do
    set -- "$@" "$COUNTERSIGN_FILES/$watcher.in"
    shift
  done
  exec tee "$@"
)

# keep WATCHER…: write standard input into the part, which nobody else may have made, or into the bot's pipe; and let it go
# by watchers
keep() (
  if [ -z "$directory" ]; then past "$@" >&6; exit; fi
  set -C
  # `ulimit -f` counts 512 bytes: the dump stops before it fills the disk that production writes to
  if [ -n "$free" ] && [ "$(ulimit -f)" = unlimited ]; then ulimit -f $(((free - reserve) * 2)) 2>/dev/null; fi
  past "$@" >"$part"
)

# sealed: keep what is packed, encrypted where there is somebody to encrypt it to
sealed() {
  if [ -z "$recipient" ]; then
    staged write keep unpacked sha256
  else
    staged pass past unpacked packed | staged encrypt age --encrypt --recipient "$recipient" |
      staged write keep sha256
  fi
}

# packed: pack standard input
packed() (
  # The first line is a comment. That of newer MariaDB programs is one that other clients reject: leave it out.
  IFS= read -r comment || comment=
  case $comment in
    '/*M!999999'* | '-- '* | '') ;;
    *) exit 1 ;;
  esac
  head=
  lines=0
  # The first comment about a table comes after the tool's snapshot.
  while [ "$lines" -lt 100 ] && IFS= read -r line; do
    head="$head$line
"
    lines=$((lines + 1))
    case $line in '-- Table structure for '* | '-- Temporary '* | '-- Dumping '* | '-- Final '*) break ;; esac
  done
  look_after
  # What is packed in two pieces is unpacked as one.
  printf '%s' "$head" | pack && pack
)

# last_line_is_trailer: whether standard input ends as a whole dump does
last_line_is_trailer() {
  case $(tail -n 1) in
    '-- Dump completed'*) return 0 ;;
    *) return 1 ;;
  esac
}

# require STAGE WHAT [NAME]: fail at a stage unless what is noted under the name, or the stage's own, is 0
require() {
  noted=$(stage "${3:-$1}")
  [ "$noted" = 0 ] || fail "$1" "$2 (exit status $noted)"
}

# ── where and with what ──────────────────────────────────────────────────────────────────────────────────────────────

database=$1
if [ -n "$directory" ]; then
  mkdir -p -- "$directory" || fail directory "$directory cannot be made"
  [ -w "$directory" ] || fail directory "$directory cannot be written to"
  if [ -e "$manifest" ]; then
    printf 'backup %s is there already\n' "$backup"
    exit 0
  fi
  # An earlier attempt that was killed could not tidy up. Should it be alive after all, it now fails its own checks.
  rm -rf -- "$directory/$backup".sql.*part "$directory/$backup".mydumper.*part* "$directory/$backup".*json.part
fi

choose_client || fail tools 'neither mariadb nor mysql is installed'
suffix=zst
packer=$(first zstd gzip) || fail tools 'neither zstd nor gzip is installed'
[ "$packer" = zstd ] || suffix=gz
# The tool that dumps is slower than one thread that packs, and several would only take turns with it.
alone=
if [ "$packer" = zstd ] && zstd -q -c --single-thread </dev/null >/dev/null 2>&1; then alone=--single-thread; fi
# Without it nothing is written: a dump in the clear is not what was asked for.
[ -z "$recipient" ] || first age >/dev/null || fail tools 'age is not installed, and backups are to be encrypted'
file=$backup.sql.$suffix${recipient:+.age}

said=$(ask 'SELECT JSON_QUOTE(VERSION())' 2>&1) || case $said in
  *'ERROR 1045 '* | *'ERROR 1044 '* | *'ERROR 1130 '* | *'ERROR 1698 '* | *'ERROR 1862 '*) fail login "$said" ;;
  *'ERROR 1049 '*) fail database "$said" ;;
  *) fail connect "$said" ;;
esac
server=$(printf '%s\n' "$said" | sed -n '/^"/p')
server_began=$(up_since)
tool=$(dumper "$server") || fail tools 'neither mariadb-dump nor mysqldump is installed'
mismatch=$(mismatch "$server" "$tool") || fail connect 'the tables cannot be read'
[ -z "$mismatch" ] ||
  fail tools "$tool is not of the server's vendor ($server) and would end well with a dump that cannot be restored: $mismatch"
tuned=$(tuned "$tool")
# shellcheck disable=SC1003 # a backslash, and no escaped quote
version=$("$tool" --version | tr -d '"\\' | tr -cd '[:print:]')

# ── how much, and is there room ──────────────────────────────────────────────────────────────────────────────────────

contents=$(ask "SELECT CASE table_type WHEN 'VIEW' THEN 'view' WHEN 'SEQUENCE' THEN 'sequence' ELSE 'table' END, COALESCE(data_length, 0), JSON_QUOTE(table_name),
    HEX(table_name)
  FROM information_schema.tables WHERE table_schema = DATABASE() $only ORDER BY table_name") ||
  fail connect 'the list of tables cannot be read'
# names KIND: a JSON list
names() { printf '%s\n' "$contents" | awk -F '\t' -v kind="$1" '$1 == kind { printf "%s%s", comma, $3; comma = ", " }'; }
data_bytes=$(printf '%s\n' "$contents" | awk -F '\t' '{ bytes += $2 } END { printf "%.0f", bytes }')

# By the backup before, as much larger as the tables have grown, and a quarter more; without one, by the tables.
needed_kib() {
  awk -v data="$data_bytes" -v last="$last" -v last_data="$last_data" -v reserve="$reserve" 'BEGIN {
    bytes = data
    if (last > 0) bytes = 1.25 * last * (last_data > 0 && data > last_data ? data / last_data : 1)
    printf "%.0f", bytes / 1024 + reserve
  }'
}

free=
if [ -n "$directory" ]; then free=$(free_kib "$directory"); fi
needed=$(needed_kib)
if [ -n "$free" ] && [ "$free" -lt "$needed" ]; then
  fail space "$directory has $free KiB free, and $needed KiB are needed"
fi

commit=$(GIT_OPTIONAL_LOCKS=0 git -C "$checkout" rev-parse --verify --quiet HEAD 2>/dev/null | tr -cd 0-9a-f)

# ── the dump ─────────────────────────────────────────────────────────────────────────────────────────────────────────

# complaints: pass on what the tool said; that the server is gone comes before what the tool makes of it
complaints() {
  gone=
  [ "$(stage dump)" = 0 ] || gone=$(interruption "$server_began")
  if [ -n "$gone" ]; then
    { sed '$d' "$COUNTERSIGN_FILES/dump.err"; printf '%s\n' "$gone"; tail -n 1 "$COUNTERSIGN_FILES/dump.err"; } >&2
  else
    cat "$COUNTERSIGN_FILES/dump.err" >&2
  fi
}

# dump_as_one: make the dump with the server's own tool, whose arguments are given
dump_as_one() {
  # Routines and events belong to the database, so a dump of chosen tables has none.
  if [ $# -gt 1 ]; then set -- -- "$@"; else set -- --routines --events -- "$@"; fi
  set -- --single-transaction --quick --triggers --hex-blob --comments --default-character-set=utf8mb4 "$@"
  # shellcheck disable=SC2086 # these are words
  set -- --defaults-file="$options" $tuned "$@"
  look_before
  watch unpacked unpacked
  watch sha256 digest
  [ -z "$recipient" ] || watch packed digest
  stages=$(
    {
      staged dump in_large_pieces "$tool" "$@" 2>"$COUNTERSIGN_FILES/dump.err" | staged compress packed | sealed
    } 3>&1
  )
  exec 6>&-
  complaints
  # Where a stage fails, those before it fail too, because nobody reads them: the last one is the cause.
  require compress 'the packed dump could not be written' write
  [ -z "$recipient" ] || require encrypt 'age could not encrypt the dump'
  require compress "$packer could not write the dump"
  require dump "$tool did not end well"
  [ -z "$recipient" ] || require compress 'the packed dump could not be passed on' pass
  for watcher in $watchers; do wait "$watcher"; done
  stages=$(printf '%s\n' "$stages"; seen unpacked)
  [ "$(stage integrity)" = 0 ] || cat "$COUNTERSIGN_FILES/unpacked.err" >&2
  require integrity 'the packed dump cannot be read back'
  require trailer 'the dump does not end with "-- Dump completed"'
}

if [ -z "$directory" ]; then
  if ! mkfifo "$part" || ! : >"$part.open"; then fail stream 'a pipe cannot be made'; fi
  # Nothing of the database is held while the bot is waited for.
  exec 6>"$part" || fail stream 'the pipe cannot be opened'
fi

beside=$(objects) || fail contents 'the list of views, triggers, routines and events cannot be read'
started=$(date -u +%Y-%m-%dT%H:%M:%SZ)
began=$(date +%s)
without=
if large; then
  without=$(unsuited)
  [ -n "$without" ] || dump_with_mydumper || :
  [ -z "$without" ] || printf 'not dumped with mydumper: %s\n' "$without"
fi
if [ "$file" != "$backup.mydumper.tar" ]; then
  started=$(date -u +%Y-%m-%dT%H:%M:%SZ)
  dump_as_one "$@"
fi

if [ "$counts" = yes ]; then
  for session in 4 5; do (printf '%s\n' "$counting" >&"$session") 2>/dev/null; done
  exec 4>&- 5>&-
  if ! wait "$before" || ! wait "$after"; then
    fail contents "$(cat "$COUNTERSIGN_FILES/before.err" "$COUNTERSIGN_FILES/after.err")"
  fi
  as_seen before >"$COUNTERSIGN_FILES/before"
  as_seen after >"$COUNTERSIGN_FILES/after"
fi

# rows: lines of JSON, one a table: its rows and its checksum just before and just after the dump's own snapshot
rows() {
  [ "$counts" = yes ] || return 0
  printf '%s\n' "$contents" | awk -F '\t' -v before="$COUNTERSIGN_FILES/before" -v after="$COUNTERSIGN_FILES/after" '
    BEGIN {
      while ((getline line <before) > 0) { split(line, f, "\t"); b[f[1]] = f[2] ", \"" f[3] "\"" }
      while ((getline line <after) > 0) { split(line, f, "\t"); a[f[1]] = f[2] ", \"" f[3] "\"" }
    }
    $4 in b && $4 in a { printf "%s\n    %s: [%s, %s]", comma, $3, b[$4], a[$4]; comma = "," }
    END { if (comma) printf "\n  " }'
}

# ── the checks ───────────────────────────────────────────────────────────────────────────────────────────────────────

# shellcheck disable=SC2086 # they are words
wait $watchers
watchers=
stages=$(printf '%s\n' "$stages" | grep -v '^pass=')

bytes=
sha256=$(seen sha256)
[ ${#sha256} -eq 64 ] || fail checksum 'its checksum cannot be read'
if [ -n "$directory" ]; then
  sync "$part" 2>/dev/null || sync
  bytes=$(wc -c <"$part" | tr -d ' ')
fi

# ── from here on it is a backup ──────────────────────────────────────────────────────────────────────────────────────

{
  printf '{\n%s,\n' "$origin"
  printf '  "started": "%s",\n  "finished": "%s",\n' "$started" "$(date -u +%Y-%m-%dT%H:%M:%SZ)"
  printf '  "seconds": %s,\n' $(($(date +%s) - began))
  printf '  "server": %s,\n  "tool": "%s",\n  "compression": "%s",\n' "$server" "$version" "$packer"
  printf '  "file": "%s",\n  "sha256": "%s",\n' "$file" "$sha256"
  # What leaves the host is counted by the bot.
  [ -z "$directory" ] || printf '  "bytes": %s,\n' "$bytes"
  [ -z "$recipient" ] || printf '  "encrypted_to": "%s",\n  "packed_sha256": "%s",\n' "$recipient" "$(seen packed)"
  # shellcheck disable=SC1003 # a backslash, and no escaped quote
  [ -z "$without" ] || printf '  "not_by_mydumper": "%s",\n' "$(printf '%s' "$without" | tr -d '"\\' | tr -cd '[:print:]')"
  printf '  "commit": "%s",\n' "$commit"
  printf '  "data_bytes": %s,\n  "tables": [%s],\n  "views": [%s],\n' "$data_bytes" "$(names table)" "$(names view)"
  printf '  "objects": [%s],\n' "$(printf '%s\n' "$beside" | awk -F '\t' 'NF { printf "%s%s", comma, $2; comma = ", " }')"
  printf '  "rows": {%s},\n' "$(rows)"
  printf '  "stages": {%s},\n' "$(printf '%s\n' "$stages" | awk -F = '{ printf "%s\"%s\": %s", comma, $1, $2; comma = ", " }')"
  printf '  "proof": "checked"\n}\n'
} >"$draft" || fail manifest "$draft cannot be written"
sync "$draft" 2>/dev/null || sync
[ -z "$directory" ] || mv -f -- "$part" "$directory/$file" || fail publish "$directory/$file cannot be made"
mv -f -- "$draft" "$manifest" || fail publish "$manifest cannot be made"
[ -z "$directory" ] || sync "$directory" 2>/dev/null || sync
printf 'backup %s: %ssha256 %s\n' "$backup" "${bytes:+$bytes bytes, }" "$sha256"
