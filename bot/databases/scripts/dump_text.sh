# shellcheck shell=sh disable=SC2154,SC2034 # set and used by the scripts that are put around it at run time
# What a dump goes through on its way into another database, for POSIX sh. `preamble.sh` comes before it, and what prints
# a checksum.
#
#   dump         path of a packed dump; its name alone where the bot sends it
#   pipe         where the bot sends it: path of the pipe; else nothing
#   sha256       checksum of what is packed
#   made_epoch   when it was made

# query DATABASE SQL: as `ask`, with blanks within columns escaped
query() { session --skip-column-names --execute="$2" "$1"; }

# without WHY DETAIL: a copy does not get the data of the backup
without() {
  no_data=$1
  no_data_detail=$(printf '%s' "$2" | tr '\t\n' '  ' | head -c 400)
  return 1
}

# lies_whole: whether a dump that lies on the host is what was made
lies_whole() {
  [ -z "$pipe" ] || return 0
  [ -f "$dump" ] || without backup_unreadable "$dump is missing" || return 1
  [ "$(sha256 "$dump")" = "$sha256" ] || without backup_damaged "the checksum of $dump differs"
}

# backup_age: print how many seconds ago it was made
backup_age() {
  seconds_since=$(($(date +%s) - made_epoch))
  [ "$seconds_since" -ge 0 ] || seconds_since=0
  printf '%s\n' "$seconds_since"
}

# differing LIVE BACKUP: name what one schema has and the other has not
differing() {
  for sign in -23:live -13:backup; do
    comm "${sign%:*}" "$1" "$2" | head -n 1 |
      awk -F '\t' -v who="${sign#*:}" '{ print who " alone has the " $1 " " $2 "." $3 ";" }'
  done
}

# The first line of newer MariaDB programs is one that other clients reject; an account of another name would need
# privileges to be named as the owner of a view or a trigger.
# shellcheck disable=SC2016 # backticks of SQL
neutral() {
  in_large_pieces sed -e '1{/^\/\*M!999999/d;}' \
    -e '/^\/\*!50/s/DEFINER=`[^`]*`@`[^`]*`//' \
    -e '/^CREATE DEFINER=/s/DEFINER=`[^`]*`@`[^`]*`//'
}

# disabled: events that do not fire
disabled() { sed '/^\/\*!50106 CREATE/s/\(ON COMPLETION \(NOT \)\{0,1\}PRESERVE\) ENABLE/\1 DISABLE/'; }

# tables_alone: of a schema's lines those of tables and views; what acts by itself may come later, or not at all
tables_alone() { grep -v -E "^(trigger|procedure|function|event)$(printf '\t')"; }

# rows_alone: without what could act by itself. Routines and triggers come from the live database, if at all.
rows_alone() { in_large_pieces sed '/^DELIMITER ;;$/,/^DELIMITER ;$/d'; }

# await_dump: where the bot sends the dump, let it begin
await_dump() {
  [ -n "$pipe" ] || return 0
  mkfifo "$COUNTERSIGN_FILES/sha256.in" "$pipe" || return 1
  digest <"$COUNTERSIGN_FILES/sha256.in" >"$COUNTERSIGN_FILES/sha256" &
  hashing=$!
  : >"$pipe.open"
}

# arriving: the packed dump, unpacked; what the bot sends is hashed while it goes by
arriving() {
  if [ -z "$pipe" ]; then
    # shellcheck disable=SC2094 # the name alone says how to unpack it
    unpack "$dump" <"$dump"
  else
    # Where its reader takes no more, the rest goes by all the same: what failed is then known to be the dump.
    tee "$COUNTERSIGN_FILES/sha256.in" <"$pipe" | { unpack "$dump"; unpacked=$?; cat >/dev/null; exit "$unpacked"; }
  fi
}

# arrived_whole: whether what the bot sent is what was made. What lies on the host is looked at before it is unpacked.
arrived_whole() {
  [ -n "$pipe" ] || return 0
  wait "$hashing"
  [ "$(cat "$COUNTERSIGN_FILES/sha256")" = "$sha256" ]
}

# no_more: let who sends wait no longer
no_more() { [ -z "$pipe" ] || { rm -f -- "$pipe" "$pipe.open"; : >"$pipe.gone"; }; }
