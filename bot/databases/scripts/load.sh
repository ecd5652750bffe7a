# shellcheck shell=sh disable=SC2154,SC2034 # set and used by the scripts that are put around it at run time
# Restores a dump into a database of its own, on the host, and compares it with what was dumped; for POSIX sh. What
# restoring.py writes before it:
#
#   backup       the backup's ID
#   source       the live database; it is only read here
#   fresh        the database that is made; SOURCE_countersign_…
#   sweep        SQL: what the names of databases begin with that earlier ones may have left behind
#   dump sha256  the packed file and its checksum; where the bot sends it, its name alone
#   pipe         where the bot sends it: the name of the pipe, and of the manifest beside it; else nothing
#   data_bytes   how much there was in the tables
#   server       which server it was dumped from, as it called itself
#   reserve      KiB that must stay free
#   only         SQL that narrows the list of tables to the chosen ones, or nothing
#   kept         where the events of the dump are kept as they are: they must not fire in the copy
#   status_…     the exit status of each stage that can fail
#
# Credentials are in a file of the job, and so is `expected`: lines `object<TAB>HEX` and
# `table<TAB>HEX<TAB>ROWS<TAB>CHECKSUM<TAB>ROWS<TAB>CHECKSUM`, seen just before and just after the dump's snapshot;
# a table without figures must only be there. Both begin with a line `start<TAB>-`.

doing="restoring $backup"
expected=$COUNTERSIGN_FILES/expected
[ -z "$pipe" ] || pipe=$COUNTERSIGN_RUN_DIR/$pipe
database=$source
made=

drop() { printf 'DROP DATABASE IF EXISTS %s;\n' "$(quote "$1")" | sql "$source" >/dev/null; }

# arriving: what is packed, unpacked; what the bot sends is hashed while it goes by
arriving() {
  if [ -z "$pipe" ]; then
    # shellcheck disable=SC2094 # the name alone says how to unpack it
    unpack "$dump" <"$dump"
  else
    # Where the server takes no more, the rest goes by all the same: what failed is then known to be the dump.
    tee "$COUNTERSIGN_FILES/sha256.in" <"$pipe" | { unpack "$dump"; unpacked=$?; cat >/dev/null; exit "$unpacked"; }
  fi
}

# fitting: the dump as this server and this account can take it. The first line of newer MariaDB programs is one that
# other clients reject; events are kept apart; an account of another name may need privileges to be named as an owner.
fitting() {
  set -- -e '1{/^\/\*M!999999/d;}' -e "/^-- Dumping events for database/,/^-- Dumping routines for database/{w $events
d;}"
  # One program for all of it: a dump is long, and each takes its time.
  if [ -z "$may_name_owners" ]; then set -- "$@" -e "$anybody" -e "$anyone"; fi
  in_large_pieces sed "$@"
}

# shellcheck disable=SC2016 # backticks of SQL
anybody='/^\/\*!50/s/DEFINER=`[^`]*`@`[^`]*`//'
# shellcheck disable=SC2016 # backticks of SQL
anyone='/^CREATE .*DEFINER=/s/DEFINER=`[^`]*`@`[^`]*`//'

owned() { if [ -n "$may_name_owners" ]; then cat; else sed -e "$anybody" -e "$anyone"; fi; }

# asleep: events that do not fire
asleep() { sed '/^\/\*!50106 CREATE/s/\(ON COMPLETION \(NOT \)\{0,1\}PRESERVE\) ENABLE/\1 DISABLE/' <"$events" | owned; }

# load_stream: restore a dump that is one long text; notes the exit status of each stage
# A dump says itself in which character set it is; a client that knows it too looks at each character, which takes it twice
# as long.
load_stream() {
  stages=$(
    {
      staged unpack arriving | staged fitting fitting |
        staged load sql "$fresh" --default-character-set=binary >/dev/null 2>"$said"
    } 3>&1
  )
}

# passing: whether what the server said speaks of the moment, and not of the dump
passing() {
  grep -q -E 'ERROR (1021|1040|1044|1045|1114|1142|1205|1213|1227|1317|1927|2002|2003|2006|2013) ' "$said" ||
    # myloader gives the server's words without its numbers
    grep -q -i -E '^myloader was ended|connect|gone away|lost connection|is full|disk full|no space|deadlock|lock wait|denied' "$said"
}

# differences: compare what is expected with what is found, both as lines. Servers of different versions need not compute
# the same checksum of the same rows.
differences() {
  awk -F '\t' -v other="$other" '
    NR == FNR { wanted[$1 FS $2] = $0; next }
    { found[$1 FS $2] = $0 }
    END {
      for (key in wanted) {
        if (!(key in found)) { print "missing\t" key; continue }
        if (split(wanted[key], w, "\t") < 6) continue
        split(found[key], f, "\t")
        if (f[3] == w[3] && (f[4] == w[4] || other)) continue
        if (f[3] == w[5] && (f[4] == w[6] || other)) continue
        low = w[3] + 0; high = w[5] + 0
        if (low > high) { swap = low; low = high; high = swap }
        if (w[3] FS w[4] != w[5] FS w[6] && f[3] + 0 >= low && f[3] + 0 <= high) { print "moving\t" key; continue }
        print "differs\t" key "\t" f[3] " rows, checksum " f[4] "; dumped were " w[3] ", checksum " w[4]
      }
      for (key in found) if (!(key in wanted)) print "unexpected\t" key
    }' "$1" "$2" | sort
}

# readable: names in hexadecimal as people write them
readable() {
  while IFS='	' read -r what kind hex rest; do
    database=$source
    printf '%s: %s %s%s\n' "$what" "$kind" "$(ask "SELECT CONVERT(0x$hex USING utf8mb4)" </dev/null)" "${rest:+: $rest}"
  done
}

# tidy: drop the copy; a server that has just died is mostly back in a minute
tidy() {
  # Whoever waits for the pipe need not wait on.
  [ -z "$pipe" ] || { rm -f -- "$pipe" "$pipe.open"; : >"$pipe.gone"; }
  fold_up
  [ -n "$made" ] || return 0
  since=$(date +%s)
  until drop "$fresh" 2>/dev/null; do
    if [ $(($(date +%s) - since)) -ge 60 ]; then
      printf '%s could not be dropped\n' "$fresh" >&2
      return 0
    fi
    sleep 1
  done
}
at_the_end tidy

# ── is the file what the manifest says, and is there room ────────────────────────────────────────────────────────────

client=$(first mariadb mysql) || fail tools 'neither mariadb nor mysql is installed'
if [ -z "$pipe" ]; then
  [ -f "$dump" ] || fail file "$dump is missing"
  [ "$(sha256 "$dump")" = "$sha256" ] || fail file "$dump is not the file that was made: its checksum differs"
else
  manifest=$pipe.json
  cp -- "$COUNTERSIGN_FILES/manifest" "$manifest" || fail manifest "$manifest cannot be written"
fi
said=$(ask 'SELECT VERSION()' 2>&1) || fail connect "$said"
here=$said
other=
[ -z "$server" ] || [ "$server" = "$here" ] || other=yes
home=$(ask 'SELECT @@datadir')
if [ -d "$home" ]; then
  free=$(free_kib "$home")
  # shellcheck disable=SC2017 # multiplied first, it could overflow
  needed=$((data_bytes / 1024 * 6 / 5 + reserve))
  if [ -n "$free" ] && [ "$free" -lt "$needed" ]; then
    fail space "the database server has $free KiB free, and $needed KiB are needed for a copy"
  fi
fi
may_name_owners=$(ask 'SHOW GRANTS' | grep -E 'ALL PRIVILEGES ON \*\.\*|SUPER|SET USER|SET_USER_ID|SET_ANY_DEFINER')
mkdir -p "$kept" || fail create "$kept cannot be made"
events=$kept/$backup.events.sql
said=$kept/$backup.said

# ── the copy ─────────────────────────────────────────────────────────────────────────────────────────────────────────

ask "SELECT schema_name FROM information_schema.schemata
  WHERE LEFT(schema_name, CHAR_LENGTH($sweep)) = $sweep" | while IFS= read -r left; do drop "$left" </dev/null; done
charset=$(ask "SELECT CONCAT('CHARACTER SET ', default_character_set_name, ' COLLATE ', default_collation_name)
  FROM information_schema.schemata WHERE schema_name = DATABASE()")

# make_fresh: make the database, without what there was of it
make_fresh() {
  drop "$fresh"
  printf 'CREATE DATABASE %s %s;\n' "$(quote "$fresh")" "$charset" | sql "$source" 2>"$said"
}

made=yes
make_fresh || {
  made=
  fail create "$(cat "$said")"
}

: >"$events"
if [ -n "$pipe" ]; then
  mkfifo "$COUNTERSIGN_FILES/sha256.in" "$pipe" || fail interrupted 'a pipe cannot be made'
  digest <"$COUNTERSIGN_FILES/sha256.in" >"$COUNTERSIGN_FILES/sha256" &
  hashing=$!
  : >"$pipe.open"
fi
began=$(date +%s)
case $dump in
  *.mydumper.tar) load_folder ;;
  *) load_stream ;;
esac
if staged_well load unpack fitting; then
  asleep | sql "$fresh" >/dev/null 2>"$said" || stages="load=1"
fi
restore_seconds=$(($(date +%s) - began))
if [ -n "$pipe" ]; then
  wait "$hashing"
  # What came only in part says nothing of the backup.
  [ "$(cat "$COUNTERSIGN_FILES/sha256")" = "$sha256" ] || fail interrupted 'what came is not what was sent'
fi
cat "$said" >&2
if ! staged_well load unpack fitting; then
  if passing; then fail interrupted "$(head -c 400 "$said")"; fi
  refuted "$(head -c 400 "$said")${other:+ (dumped from $server, and this is $here)}"
fi

# ── is it what was dumped ────────────────────────────────────────────────────────────────────────────────────────────

database=$fresh
found=$kept/$backup.found
{
  printf 'start\t-\n'
  counting | sql "$fresh" --unbuffered | counted | sed 's/^/table	/'
  objects | awk -F '\t' '{ print "object\t" $1 }'
} >"$found" || fail interrupted 'the copy cannot be read'
differing=$(differences "$expected" "$found")
database=$source
moving=$(printf '%s\n' "$differing" | grep -c '^moving')
rm -f "$found"
if printf '%s\n' "$differing" | grep -q -E '^(missing|differs|unexpected)'; then
  refuted "$(printf '%s\n' "$differing" | grep -v '^moving' | head -n 3 | readable)"
fi
