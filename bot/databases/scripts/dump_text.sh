# shellcheck shell=sh disable=SC2154,SC2034 # set and used by the scripts that are put around it at run time
# What a dump goes through on its way into another database, for POSIX sh. `preamble.sh` comes before it, and what prints
# a checksum.
#
#   dump     path of a packed dump; its name alone where the bot sends it
#   pipe     where the bot sends it: path of the pipe; else nothing
#   sha256   checksum of what is packed

# The first line of newer MariaDB programs is one that other clients reject; an account of another name would need
# privileges to be named as the owner of a view or a trigger.
# shellcheck disable=SC2016 # backticks of SQL
neutral() {
  in_large_pieces sed -e '1{/^\/\*M!999999/d;}' \
    -e '/^\/\*!50/s/DEFINER=`[^`]*`@`[^`]*`//' \
    -e '/^CREATE DEFINER=/s/DEFINER=`[^`]*`@`[^`]*`//'
}

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
