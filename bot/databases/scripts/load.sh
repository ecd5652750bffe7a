# shellcheck shell=sh disable=SC2154,SC2034 # set and used by the scripts that are put around it at run time
# Restores a dump into a database of its own, on the host, and compares it with what was dumped; for POSIX sh. What
# `restore_script.py` writes before it:
#
#   backup       the backup's ID
#   source       the live database
#   places       where it is restored, in order; the next one counts where one cannot be had: private, beside
#   dump sha256 pipe   as `dump_text.sh` reads them; the manifest lies beside the dump, or beside the pipe
#   data_bytes   how much there was in the tables
#   server       which server it was dumped from, as it called itself
#   only         SQL that narrows the list of tables to the chosen ones, or nothing
#   kept         where the events of the dump are kept as they are: they must not fire in the copy
#   status_…     the exit status of each stage that can fail
#
# Each place has functions: `open_PLACE` makes an empty database and sets `fresh`, its name, `here`, the server's version,
# and `may_name_owners`; `empty_PLACE` empties it; `excused_PLACE` is asked when something failed, and succeeds where that
# says nothing of the backup and the next place is to be tried; `discard_PLACE` and `close_PLACE` remove it. A file of the
# job is `expected`: lines `object<TAB>HEX` and `table<TAB>HEX<TAB>ROWS<TAB>CHECKSUM<TAB>ROWS<TAB>CHECKSUM`, seen just
# before and just after the dump's snapshot; a table without figures must only be there. Both begin with a line `start<TAB>-`.

doing="restoring $backup"
expected=$COUNTERSIGN_FILES/expected
[ -z "$pipe" ] || pipe=$COUNTERSIGN_RUN_DIR/$pipe
database=$source
where=
near=/

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
asleep() { disabled <"$events" | owned; }

# load_stream: restore a dump that is one long text; notes the exit status of each stage
# A dump says itself in which character set it is; a client that knows it too looks at each character, which takes it twice
# as long. With one byte a character it does not; `binary` is none in which MySQL's client knows `DELIMITER`.
load_stream() {
  stages=$(
    {
      staged unpack arriving | staged fitting fitting |
        staged load sql "$fresh" --default-character-set=latin1 >/dev/null 2>"$complaint"
    } 3>&1
  )
}

# killed STAGE…: whether one of them was ended by a signal, and not because nobody read on
killed() {
  for name; do
    ended=$(stage "$name")
    [ "${ended:-0}" -le 128 ] || [ "$ended" = 141 ] || return 0
  done
  return 1
}

# passing: whether what the server said speaks of the moment, and not of the dump: it is full or busy (1021, 1037, 1038,
# 1040, 1041, 1114, 1129, 1135, 1203, 1205, 1213, 1226), refuses the account (1044, 1045, 1142, 1227), goes down or is
# closed to others (1053, 3032), ended the statement (1317, 1969, 3024) or the connection (1152, 1158-1161, 1184, 1927,
# 3169, 4031), or is not there (2002-2006, 2008, 2012, 2013, 2055)
passing() {
  of_the_moment='10(21|37|38|4[0145]|53)|11(14|29|35|42|5[289]|6[01]|84)|12(0[35]|13|2[67])|1317|19(27|69)'
  of_the_moment="$of_the_moment|20(0[23568]|1[23]|55)|30(24|32)|3169|4031"
  grep -q -E "ERROR ($of_the_moment) |: Out of memory" "$complaint" ||
    # myloader gives the server's words without its numbers
    grep -q -i -E '^myloader was ended|connect|gone away|lost connection|is full|disk full|no space|deadlock|lock wait|denied' "$complaint"
}

# complained: print what the server said, in one line, without the statement that it was said of
complained() { { grep -E 'ERROR|CRITICAL' "$complaint" || cat "$complaint"; } | tr '\n' ' ' | head -c 400; }

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

# tidy: remove the copy
tidy() {
  # Whoever waits for the pipe need not wait on.
  no_more
  fold_up
  [ -z "$where" ] || "close_$where"
}

# restored: restore the dump into the database that was opened; fails where that says nothing of the backup
restored() {
  : >"$events"
  : >"$complaint"
  await_dump || fail interrupted 'a pipe cannot be made'
  began=$(date +%s)
  case $dump in
    *.mydumper.tar) load_folder ;;
    *) load_stream ;;
  esac
  if staged_well load unpack fitting; then
    asleep | sql "$fresh" >/dev/null 2>"$complaint" || stages="load=1"
  fi
  restore_seconds=$(($(date +%s) - began))
  # What came only in part says nothing of the backup.
  arrived_whole || fail interrupted 'what came is not what was sent'
  if staged_well load unpack fitting; then
    cat "$complaint" >&2
    return 0
  fi
  # What is said of it in the end has the beginning.
  [ "$(wc -c <"$complaint")" -le 400 ] || cat "$complaint" >&2
  if "excused_$where"; then return 1; fi
  if killed unpack fitting; then
    fail interrupted "a program was ended ($(printf '%s' "$stages" | tr '\n' ' ')): $(complained)"
  fi
  refuted "$(head -c 400 "$complaint")${other:+ (dumped from $server, and this is $here)}"
}

# looked: read what is in the copy into a file; whether all of it could be read
looked() {
  database=$fresh
  stages=$(
    {
      printf 'start\t-\n'
      staged list counting | staged count sql "$fresh" --unbuffered | counted | sed 's/^/table	/'
      staged objects objects | awk -F '\t' '{ print "object\t" $1 }'
    } 3>&1 >"$1" 2>"$complaint"
  )
  database=$source
  staged_well list count objects
}

# compared: compare the copy with what was dumped; fails where that says nothing of the backup
compared() {
  found=$kept/$backup.found
  looked "$found" || {
    rm -f "$found"
    cat "$complaint" >&2
    if "excused_$where"; then return 1; fi
    fail interrupted "the copy cannot be read: $(head -c 400 "$complaint")"
  }
  differing=$(differences "$expected" "$found")
  moving=$(printf '%s\n' "$differing" | grep -c '^moving')
  rm -f "$found"
  if printf '%s\n' "$differing" | grep -q -E '^(missing|differs|unexpected)'; then
    refuted "$(printf '%s\n' "$differing" | grep -v '^moving' | head -n 3 | readable)"
  fi
}

# opened: make the database of a place
opened() {
  settings=
  "open_$where" || return 1
  # Tables that are older than this setting may have none.
  without_keys='sql_require_primary_key = 0'
  if ask "SET SESSION $without_keys" >/dev/null 2>&1; then settings=$without_keys; fi
  # The suffix says that a server writes a log.
  other=
  [ -z "$server" ] || [ "${server%-log}" = "${here%-log}" ] || other=yes
}

at_the_end tidy

# ── is the file what the manifest says ───────────────────────────────────────────────────────────────────────────────

choose_client || fail tools 'neither mariadb nor mysql is installed'
installed_client=$client
live_secured=$secured
if [ -z "$pipe" ]; then
  [ -f "$dump" ] || fail file "$dump is missing"
  [ "$(sha256 "$dump")" = "$sha256" ] || fail file "$dump is not the file that was made: its checksum differs"
else
  manifest=$pipe.json
  cp -- "$COUNTERSIGN_FILES/manifest" "$manifest" || fail manifest "$manifest cannot be written"
fi
mkdir -p "$kept" || fail create "$kept cannot be made"
events=$kept/$backup.events.sql
complaint=$kept/$backup.said

# ── the copy, and is it what was dumped ──────────────────────────────────────────────────────────────────────────────

good=
for where in $places; do
  if opened && restored && compared; then good=yes; break; fi
  settings=
  "close_$where"
  hindrance=$(sed -n 's/^detail	//p' "$sandbox_results/facts" | tail -n 1)
  printf 'not possible in a %s server: %s\n' "$where" "$hindrance"
  # What the bot sent is gone.
  [ -z "$pipe" ] || [ ! -e "$pipe.open" ] || break
done
[ -n "$good" ] || fail impossible "$hindrance"
