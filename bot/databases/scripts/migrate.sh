# shellcheck shell=sh disable=SC2154 # set by what migrate_script.py writes before it
# Runs or undoes exactly the approved migrations, for POSIX sh; what migrate_script.py writes before it:
#
#   kind        `pending` for migrations that run, `ran` for those that are undone
#   approved    the beginnings of the lines with which the migrator must name their files, in order
#   rows        the beginnings of the lines with which it must name the latest rows; empty for migrations that run
#   dumps       the beginnings of the lines with which it may name a dump of the schema that it would load first
#   count       number of migrations
#   by          `file` where the beginnings have paths and hashes, `name` where only names are known
#   notes       folder for what was found
#   ask         a function that prints what the migrator says
#   migrate     a function that runs or undoes the files whose paths are its arguments
#   $@          the paths of those files; their names are in COUNTERSIGN_MIGRATIONS
#
# The folder gets, each complete or not at all:
#
#   before after    what the migrator said
#   dumped          words in quotes of the dump of the schema, among them the names of the migrations that it records
#   outcome         `unasked`, `refused`, or `ran STATUS`
#
# It ends with the status of the command, or 71 where the migrator could not be asked, 72 where something else would run.

# outcome WORDS
outcome() { printf '%s\n' "$1" >"$notes/outcome.new" && mv "$notes/outcome.new" "$notes/outcome"; }

# asked NAME: keep what the migrator says
asked() {
  ask >"$notes/$1.new" 2>"$notes/complaint" </dev/null &&
    [ "$(tail -n 1 "$notes/$1.new")" = '{"is":"end"}' ] && mv "$notes/$1.new" "$notes/$1"
}

# lines KIND: print the beginnings of its lines of a kind
lines() {
  sed -n -e '/^{"is":"'"$1"'",/{' -e 's/,"file":.*//' -e 's/,"batch":.*//' -e p -e '}' "$notes/before" |
    if [ "$by" = name ]; then sed -e 's/"sha256":"[^"]*",//' -e 's/,"path":.*//'; else cat; fi
}

# as_approved: whether the migrator would do what was approved, and nothing else
as_approved() {
  if [ "$kind" = pending ]; then
    lines schema >"$notes/schema"
    if [ -s "$notes/schema" ]; then printf '%s' "$dumps" | grep -q -F -x -f "$notes/schema" || return; fi
    lines pending >"$notes/found"
    printf '%s' "$approved" | cmp -s - "$notes/found"
  else
    lines row | tail -n "$count" >"$notes/found"
    printf '%s' "$rows" | cmp -s - "$notes/found" || return
    lines ran | LC_ALL=C sort >"$notes/found"
    [ -z "$(printf '%s' "$approved" | LC_ALL=C sort | LC_ALL=C comm -23 - "$notes/found")" ]
  fi
}

umask 077
mkdir -p "$notes" || exit
if ! asked before; then
  outcome unasked
  echo 'The framework could not say which migrations there are; none was run:'
  tail -c 2000 "$notes/complaint"
  exit 71
fi
if ! as_approved; then
  outcome refused
  echo 'The framework would not do what was approved, so nothing was run. It would begin with:'
  head -n 20 "$notes/found"
  exit 72
fi
dump=$(sed -n 's/^{"is":"schema",.*,"path":"\([^"\\]*\)",.*/\1/p' "$notes/before")
if [ -n "$dump" ]; then grep -o "'[^']*'" <"$dump" | tr -d "'" >"$notes/dumped"; fi
for file; do
  case $file in
    /*) set -- "$@" "$file" ;;
    *) set -- "$@" "$PWD/$file" ;;
  esac
  shift
done
migrate "$@"
status=$?
asked after || echo 'The framework could not say which migrations have run now.'
outcome "ran $status"
exit "$status"
