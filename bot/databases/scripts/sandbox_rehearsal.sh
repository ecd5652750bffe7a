# shellcheck shell=sh disable=SC2154,SC2034 # set and used by the scripts that are put around it at run time
# Runs migrations in a sandbox on the host, for POSIX sh. What sandboxed/script.py writes before it:
#
#   sha            the commit whose files they are
#   source         the live database; it is only read
#   copy copy_sql  its copy in the sandbox's server, the same name but on another server; and quoted for SQL
#   create_sql     creates the copy
#   evidence before tables   further databases there: what is noted while it runs, the rows of before, and empty tables
#   elsewhere      name of the option file for another server; empty where the sandbox's is a private one
#   table          in which the framework records migrations
#   recorded recorded_name   what is noted when it does: lines EVENT ROW, and SQL for a migration's name, with @ for ROW
#   optional_environment     `yes` where not every application has an environment file
#   data_kib       size of the live database
#   copy_up_to     KiB up to which all rows are copied
#   sample_rows    how many rows of each table are copied else
#   backup dump sha256 made_epoch pipe no_data no_data_detail   as in rehearsal.sh
#   schema_sql     prints the schema of the database in use
#   checksum_sql   the one of checksums.py
#   rows_sql       prints statements that compare the tables of $before and the copy row by row
#   statements_awk failure_awk   programs
#   packages       how packages come: same (as the live ones), fetched, or none
#   fetch          shell text that downloads packages, in $sandbox_work; it runs nothing of the commit
#   install        shell text that installs what was downloaded, confined
#   setup ask apply undo   shell texts of the recipe, confined; ask and undo may be empty
#
# It changes nothing but the folder of the sandbox, and reads the live database. Its results lie in $sandbox_results as small
# files, beside those of the sandbox; what the commit's code printed lies in the folder `private` there, which nobody
# reads but a person on the host:
#
#   facts        lines KEY<TAB>VALUE; `outcome` counts: ok, failed, or not_possible with `why` and `words`
#   statements   what the server logged of `apply`, see statements.awk
#   predicted    lines NUMBER<TAB>WAY: how the server would carry out a statement that changes a table
#   ran          lines NUMBER<TAB>MIGRATION: what was recorded or taken out, in order
#   schema       the whole schema before
#   unlike       lines of the schema that the live database (<) and the copy (>) do not share before anything ran
#   changed.N    lines of the schema that the migration of this number took away (<) and brought (>)
#   changed      the same for all of them together
#   back         lines of the schema that differ once everything was undone
#   rows         lines TABLE<TAB>BEFORE<TAB>AFTER<TAB>DELETED<TAB>CHANGED<TAB>INSERTED of tables that changed; - is unknown
#   counts counts.after   lines TABLE<TAB>ROWS of every table in the copy
#   failure      lines KEY<TAB>VALUE: what went wrong, without data
#   ask.output   the framework's own list of migrations
#
# It ends with status 0 whatever the outcome; anything else means that it was ended.

GIT_OPTIONAL_LOCKS=0
export GIT_OPTIONAL_LOCKS

live=$PWD
rows=
why=
said=
[ -z "$pipe" ] || pipe=$COUNTERSIGN_RUN_DIR/$pipe

note() { printf '%s\t%s\n' "$1" "$(printf '%s' "$2" | tr '\t\n\r' '   ' | head -c 600)" >>"$sandbox_results/facts"; }

# impossible WHY DETAIL: nothing was learnt, and that is all
impossible() {
  note why "$1"
  note words "$2"
  note outcome not_possible
  printf 'not rehearsed: %s\n' "$1"
  exit 0
}

# refused: the sandbox itself could not be; it has noted why
refused() {
  note outcome refused
  printf 'not rehearsed: no sandbox\n'
  exit 0
}

# apart NAME: keep what a command printed on the host alone
apart() { [ ! -e "$sandbox_results/$1.output" ] || mv "$sandbox_results/$1.output" "$sandbox_results/private/$1"; }

# took NAME MILLISECONDS-BEFORE: note how long a part took
took() { note "took" "$1 $(($(clock) - $2))"; }

tidy() {
  no_more
  sandbox_close
  rm -f "$sandbox_results"/*.log
}

# meanings: have the sandbox read those keys of the environment file that say where the application's own database is, and
# as whom, whatever they are called: the live application tells which they are. What the sandbox's own rules name stays.
meanings() {
  # Applications in Python have no conventions that could be read.
  [ -n "$ask" ] && [ -z "$optional_environment" ] || return 0
  limit=
  ! command -v timeout >/dev/null 2>&1 || limit='timeout 20'
  # shellcheck disable=SC2086 # words
  meant=$(
    (cd "$live" && exec $limit sh -c "$ask") </dev/null 2>/dev/null 9>&- |
      grep -E -x '\{"is":"env","key":"[A-Za-z_][A-Za-z0-9_]*","means":"(url|password|host|port|socket|name|keep|user)"\}' |
      sed 's/^{"is":"env","key":"\([^"]*\)","means":"\([^"]*\)"}$/\1 \2 /'
  )
  sandbox_rules="$meant
$sandbox_rules"
}

# ── snapshots ────────────────────────────────────────────────────────────────────────────────────────────────────────

# snapshots: have the server note the schema whenever a migration is recorded; where the table is not there yet, it cannot
snapshots() {
  [ -n "$table_there" ] || return 0
  {
    # shellcheck disable=SC2016 # quotes of SQL
    printf 'CREATE DATABASE IF NOT EXISTS `%s`; USE `%s`;\n' "$evidence" "$evidence"
    printf 'CREATE TABLE ran (number INT AUTO_INCREMENT PRIMARY KEY, name TEXT) ENGINE=InnoDB;\n'
    printf 'CREATE TABLE lines_of (number INT, a TEXT, b TEXT, c TEXT, d TEXT, e TEXT, f TEXT, g TEXT, h TEXT,
      i TEXT, KEY (number)) ENGINE=InnoDB;\n'
    printf 'USE %s;\nDELIMITER //\n' "$copy_sql"
    printf '%s\n' "$recorded" | while IFS= read -r event; do
      # shellcheck disable=SC2086 # words
      set -- $event
      name=$(printf '%s\n' "$recorded_name" | sed "s/@/$2/g")
      printf 'CREATE TRIGGER countersign_%s AFTER %s ON %s FOR EACH ROW BEGIN\n' "$1" "$1" "$(quote "$table")"
      # shellcheck disable=SC2016 # backticks of SQL
      {
        printf 'INSERT INTO `%s`.ran (name) VALUES (%s);\n' "$evidence" "$name"
        printf 'INSERT INTO `%s`.lines_of SELECT LAST_INSERT_ID(), a.* FROM (%s) a; END//\n' "$evidence" "$schema_sql"
      }
    done
  } | sandbox_client --binary-mode >"$box/loading" 2>&1 && snapped=yes
}

# per_migration: write what each migration changed of the schema
per_migration() {
  [ -n "$snapped" ] || return 0
  in_box "$evidence" 'SELECT number, name FROM ran ORDER BY number' >"$sandbox_results/ran"
  in_box "$evidence" 'SELECT number, a, b, c, d, e, f, g, h, i FROM lines_of ORDER BY number' |
    awk -v first="$box/schema.first" -v to="$sandbox_results/changed." '
      function compare(    line) {
        for (line in before) if (!(line in after)) { print "< " line >(to number); delete before[line] }
        for (line in after) if (!(line in before)) { print "> " line >(to number); before[line] }
        for (line in after) delete after[line]
        close(to number)
      }
      BEGIN { while ((getline line <first) > 0) before[line] }
      {
        place = index($0, "\t")
        if (number != "" && substr($0, 1, place - 1) != number) compare()
        number = substr($0, 1, place - 1)
        after[substr($0, place + 1)]
      }
      END { if (number != "") compare() }'
}

# differences BEFORE AFTER
differences() {
  comm -23 "$1" "$2" | sed 's/^/< /'
  comm -13 "$1" "$2" | sed 's/^/> /'
}

# ── what became of the rows ──────────────────────────────────────────────────────────────────────────────────────────

# touched: print the tables that were there before, and are not as they were
touched() {
  {
    differences "$box/sums.first" "$box/sums.last" | cut -f 1 | sed 's/^[^.]*\.//'
    differences "$box/schema.first" "$box/schema.last" | cut -f 2
  } | sort -u | comm -12 - "$box/tables.first"
}

# of_tables FILE: the parts of a dump that make and fill the tables that a file names
of_tables() {
  awk -v names="$1" '
    BEGIN { while ((getline name <names) > 0) wanted[name]; header = 1 }
    /^-- (Table structure for table|Dumping data for table) `.*`$/ {
      header = 0
      name = $0
      sub(/^[^`]*`/, "", name)
      sub(/`$/, "", name)
      on = name in wanted
    }
    /^-- (Temporary|Final|Dumping routines|Dumping events|Dump completed|Current Database|View structure)/ { header = 0; on = 0 }
    header || on'
}

# compared: write what became of the rows of the tables that changed
compared() {
  touched >"$box/touched"
  [ -s "$box/touched" ] || return 0
  of_tables "$box/touched" <"$box/dump.sql" >"$box/before.sql"
  sandbox_ask "CREATE DATABASE \`$before\`" >/dev/null 2>&1
  sandbox_client --binary-mode --force --max-allowed-packet=1G "$before" <"$box/before.sql" >/dev/null 2>&1
  generated "$rows_sql" | sort >"$box/rows"
  while IFS= read -r name; do
    was=$(count_of "$name" "$box/counts.first")
    is=$(count_of "$name" "$box/counts.last")
    line=$(awk -F '\t' -v name="$name" '$1 == name && NF == 4 { print $2 "\t" $3 "\t" $4; exit }' "$box/rows")
    printf '%s\t%s\t%s\t%s\n' "$name" "${was:--}" "${is:--}" "${line:--	-	-}" >>"$sandbox_results/rows"
  done <"$box/touched"
}

count_of() { awk -F '\t' -v name="$1" '$1 == name { print $2; exit }' "$2"; }

# ── what the server says of changes ──────────────────────────────────────────────────────────────────────────────────

# predicted: try each change of a table in the ways that a server knows, on empty tables; confined, for the statements are
# the commit's
predicted() {
  [ -s "$box/commands/trials.sql" ] || return 0
  grep -v '^INSERT INTO ' "$box/dump.sql" >"$box/tables.sql"
  sandbox_ask "CREATE DATABASE \`$tables\`" >/dev/null 2>&1 || return 0
  sandbox_client --binary-mode --force "$tables" <"$box/tables.sql" >/dev/null 2>&1
  # An account that no code of the commit has ever known.
  trier=${sandbox_user:-countersign}_t
  sandbox_account "$trier" "$(printf '%s' "$tables" | sed 's/[_%]/\\&/g')" || return 0
  printf '[client]\nuser=%s\npassword=%s\nsocket=%s\n' "$trier" "$secret" "$socket" >"$box/commands/trials.cnf"
  chmod 644 "$box/commands/trials.sql" "$box/commands/trials.cnf"
  sandbox_run trials 300 "\"$sandbox_mysql\" --defaults-file=/sandbox/commands/trials.cnf --binary-mode --force $tables \
    </sandbox/commands/trials.sql 2>&1 | sed -n 's/^ERROR [0-9]* ([^)]*) at line \([0-9]*\): .*/\1/p'"
  rm -f "$sandbox_results/trials.log"
  [ -e "$sandbox_results/trials.output" ] || return 0
  awk -F '\t' 'FILENAME == ARGV[1] { failed[$1]; next } !($1 in failed) && !($2 in done) { done[$2]; print $2 "\t" $3 }' \
    "$sandbox_results/trials.output" "$box/commands/trials.ways" >"$sandbox_results/predicted"
  apart trials
}

# ── the rehearsal ────────────────────────────────────────────────────────────────────────────────────────────────────

began=$(clock)
at_the_end tidy
sandbox_claim || refused
mkdir -p "$sandbox_results/private"
choose_client || impossible tools 'neither mariadb nor mysql is installed'
version=$(query "$source" 'SELECT VERSION()' 2>&1) || impossible connect "$version"
tool=$(dumper "$version") || impossible tools 'neither mariadb-dump nor mysqldump is installed'
tree || impossible "$why" "$said"
# What did not change is there already.
[ "$packages" = none ] || copied_vendor || impossible "$why" "$said"
[ "$packages" != fetched ] || said=$(cd "$sandbox_work" && sh -c "$fetch" 2>&1) ||
  impossible packages "$(printf '%s' "$said" | tail -n 5)"
python_environment || impossible setup "$said"
[ -z "$optional_environment" ] || [ -e "$sandbox_env_from" ] || sandbox_env_from=
meanings
took packages "$began"
at=$(clock)
if [ -n "$elsewhere" ]; then
  sandbox_login=$COUNTERSIGN_FILES/$elsewhere
  sandbox_mysql=$client
  sandbox_secured=$(options=$sandbox_login; secure "$client")
fi
sandbox_start || refused
[ -z "$optional_environment" ] || [ ! -s "$box/env/foreign" ] || impossible not_mysql "its environment names $(head -n 1 "$box/env/foreign")"
took server "$at"
at=$(clock)
# Views that such an account of MySQL makes can be dropped by nobody else.
[ "$sandbox_kind" != mysql ] || [ -n "$elsewhere" ] ||
  said=$(sandbox_ask "REVOKE SYSTEM_USER ON *.* FROM '$sandbox_administrator'@'localhost'" 2>&1) ||
  impossible start "$said"
table_there=$(query "$source" "SHOW TABLES LIKE '$(printf '%s' "$table" | sed -e 's/[_%\\]/\\&/g' -e "s/'/''/g")'")
database || impossible "$why" "$said"
took rows "$at"

# As in production: packages, configuration, and then the migrations.
at=$(clock)
if [ "$packages" = fetched ]; then
  sandbox_run install 900 "$install" || { apart install; impossible install 'the packages cannot be installed'; }
  apart install
fi
sandbox_run setup 600 "$setup" || { apart setup; impossible setup 'the application cannot be prepared'; }
apart setup
[ -z "$ask" ] || sandbox_run ask 120 "$ask" || rm -f "$sandbox_results/ask.output"
took setup "$at"
at=$(clock)
snapped=
snapshots
measured first
cp "$box/schema.first" "$sandbox_results/schema"
query "$source" "$schema_sql" | sort >"$box/schema.live"
differences "$box/schema.live" "$box/schema.first" >"$sandbox_results/unlike"
tables | sort >"$box/tables.first"
cp "$box/counts.first" "$sandbox_results/counts"
took snapshots "$at"

outcome=ok
sandbox_run migrate "$seconds" "$apply" || outcome=failed
apart migrate
at=$(clock)
socket=$(head -n 1 "$box/sockets")
table=$table kind=$sandbox_kind statements=$sandbox_results/statements trials=$box/commands/trials.sql \
  ways=$box/commands/trials.ways denied=$box/denied awk "$statements_awk" <"$sandbox_results/migrate.log"
note denied "$(cat "$box/denied")"
tail -n 1 "$sandbox_results/migrate.log" | grep -q -x end || note log incomplete
# A command that ended well without a word to the server spoke to another database.
[ "$outcome" = failed ] || [ "$(cat "$sandbox_results/migrate.log")" != end ] ||
  impossible not_mysql 'the migrations said nothing to the database server'
[ "$outcome" = ok ] || awk "$failure_awk" <"$sandbox_results/private/migrate" >"$sandbox_results/failure"
measured last
as_live "$sandbox_results/statements"
[ "$outcome" = ok ] || as_live "$sandbox_results/failure"
cp "$box/counts.last" "$sandbox_results/counts.after"
differences "$box/schema.first" "$box/schema.last" >"$sandbox_results/changed"
per_migration
compared
took reading "$at"
at=$(clock)
[ "$outcome" != ok ] || predicted
took predicting "$at"
if [ "$outcome" = ok ] && [ -n "$undo" ]; then
  if sandbox_run undo "$seconds" "$undo"; then
    schema "$copy" >"$box/schema.back"
    differences "$box/schema.first" "$box/schema.back" >"$sandbox_results/back"
    note back ok
  else
    note back failed
  fi
  apart undo
fi
# Whatever was asked of a server that is gone had no answer.
sandbox_ask 'SELECT 1' >/dev/null 2>&1 || impossible lost 'the database server of the sandbox does not answer any more'
note outcome "$outcome"
printf 'rehearsed in a sandbox: %s\n' "$outcome"
