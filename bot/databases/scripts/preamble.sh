# shellcheck shell=sh disable=SC2154,SC2034 # set and used by the scripts that are put around it at run time
# What the scripts of this folder share, for POSIX sh: how they ask the server, choose a program, and fail. Credentials
# are in a file of the job. A script defines `client`, the program that it asks with, `database`, which it asks about, and
# `doing`, which is said to have failed.

set -u
umask 077
LC_ALL=C
# The login path file of MySQL's programs would override the option file.
MYSQL_TEST_LOGIN_FILE=/nonexistent
export LC_ALL MYSQL_TEST_LOGIN_FILE

options=$COUNTERSIGN_FILES/client.cnf
secured=
settings=

# at_the_end COMMAND: run a command once, however the script ends. Whoever ends a step asks again and again, and what is to
# be cleared up must not be cut short by that: no further signal is heeded.
at_the_end() {
  clearing=$1
  trap end_well EXIT
  trap 'end_well; exit 129' HUP
  trap 'end_well; exit 130' INT
  trap 'end_well; exit 143' TERM
}

end_well() {
  trap '' HUP INT TERM
  trap - EXIT
  "$clearing"
}

# fail STAGE WHAT: say so, and end with the stage's own exit status
fail() {
  printf '%s failed at %s: %s\n' "$doing" "$1" "$2" >&2
  eval "exit \"\$status_$1\""
}

# first PROGRAM…: print the first of them that is installed
first() {
  for program; do
    if command -v "$program" >/dev/null 2>&1; then
      printf '%s\n' "$program"
      return 0
    fi
  done
  return 1
}

# session OPTION…: open a session, with the $settings that SQL assigns to it, if there are some
session() {
  # shellcheck disable=SC2086 # these are words
  "$client" --defaults-file="$options" $secured --connect-timeout=10 --default-character-set=utf8mb4 --comments --batch \
    ${settings:+"--init-command=SET SESSION $settings"} "$@"
}

# ask SQL: ask the server; rows come as lines, columns between tabs
ask() { session --raw --skip-column-names --execute="$1" "$database"; }

# up_since: print the second in which the server began; fails where it does not answer
up_since() {
  up=$(ask "SHOW GLOBAL STATUS LIKE 'Uptime'" 2>/dev/null) || return 1
  up=${up#Uptime?}
  case $up in '' | *[!0-9]*) return 0 ;; esac
  printf '%s\n' $(($(date +%s) - up))
}

# interruption SECOND: say that the server that began in this second is gone, if it is. It counts whole seconds.
interruption() {
  began_now=$(up_since) || {
    printf 'the database server does not answer any more\n'
    return
  }
  if [ -n "$1" ] && [ -n "$began_now" ] && [ $((began_now - $1)) -gt 2 ]; then
    printf 'the database server was restarted meanwhile\n'
  fi
}

# grants: print the grants of the account and of its active roles, which MySQL shows to those who name them
grants() {
  ask 'SHOW GRANTS'
  roles=$(ask 'SELECT CURRENT_ROLE()' 2>/dev/null)
  case $roles in '' | NONE | NULL) ;; *) ask "SHOW GRANTS FOR CURRENT_USER() USING $roles" 2>/dev/null ;; esac
}

# processlist: print the table in which the server lists its sessions; the other one holds up newer servers
processlist() {
  ask "SELECT IF(COUNT(*) > 0, 'performance_schema.processlist', 'information_schema.processlist')
    FROM information_schema.tables
    WHERE table_schema = 'performance_schema' AND table_name = 'processlist' AND @@performance_schema = 1"
}

# sql DATABASE OPTION…: run what standard input says, without the client's own commands
sql() {
  in=$1
  shift
  session --binary-mode --max-allowed-packet=1G --skip-column-names "$@" "$in"
}

# quote NAME: print it as an SQL identifier
# shellcheck disable=SC2016 # backticks of SQL
quote() { printf '`%s`' "$(printf '%s' "$1" | sed 's/`/``/g')"; }

# free_kib PATH: print how many KiB are free where it lies
free_kib() { df -Pk -- "$1" | awk 'NR == 2 { for (i = NF; i > 1; i--) if ($i ~ /^[0-9]+%$/) { print $(i - 1); exit } }'; }

# vendor PROGRAM: whose program it is, whatever its name: mariadb, mysql, or nothing where it does not say
vendor() {
  case $("$1" --no-defaults --version 2>/dev/null) in
    *MariaDB*) printf 'mariadb\n' ;;
    *' Ver '*) printf 'mysql\n' ;;
  esac
}

# dumper VERSION: print the tool that suits a server: one of its vendor's, if there is one
dumper() {
  case $1 in
    *MariaDB*) set -- mysql mariadb-dump mysqldump ;;
    *) set -- mariadb mysqldump mariadb-dump ;;
  esac
  other_vendor=$1
  shift
  for program; do
    if command -v "$program" >/dev/null 2>&1 && [ "$(vendor "$program")" != "$other_vendor" ]; then
      printf '%s\n' "$program"
      return 0
    fi
  done
  first "$@"
}

# mismatch VERSION TOOL: print what is in the database that a tool of another vendor than the server's would write down
# so that it cannot be restored, though it ends well; nothing where there is none
mismatch() {
  case $1/$(vendor "$2") in
    *MariaDB*/mysql)
      ask "SELECT CONCAT(table_name, ' is a ', LOWER(table_type)) FROM information_schema.tables
        WHERE table_schema = DATABASE() AND table_type IN ('SEQUENCE', 'SYSTEM VERSIONED') $only LIMIT 1"
      ;;
    *MariaDB*) ;;
    */mariadb)
      ask "SELECT CONCAT('the column ', table_name, '.', column_name, ' is ', LOWER(extra)) FROM information_schema.columns
        WHERE table_schema = DATABASE() AND (generation_expression <> '' OR extra LIKE '%INVISIBLE%') $only LIMIT 1"
      ;;
  esac
}

# in_large_pieces COMMAND…: run it so that it reads and writes 64 KiB at a time, where that can be had. With the usual
# 4 KiB, both ends of a pipe wait for each other most of the time.
in_large_pieces() {
  if stdbuf -i64K -o64K true >/dev/null 2>&1; then set -- stdbuf -i64K -o64K "$@"; fi
  "$@"
}

# staged NAME COMMAND…: run a stage of a pipeline, and note its exit status on descriptor 3
staged() {
  stage=$1
  shift
  "$@" 3>&-
  printf '%s=%s\n' "$stage" $? >&3
}

# stage NAME: the exit status of a stage, of those noted in $stages
stage() { printf '%s\n' "$stages" | sed -n "s/^$1=//p"; }

# staged_well NAME…: whether the stages of these names ended well
staged_well() { for name; do [ "$(stage "$name")" = 0 ] || return 1; done; }

# choose_client: choose what asks the server, and how its way there is encrypted; fails where none is installed
choose_client() {
  client=$(first mariadb mysql) || return 1
  secured=$(secure "$client")
}

# secure PROGRAM: print the options with which a program of MariaDB or MySQL does what is asked for in the file of its
# options: `#tls` off, preferred, required or verify, and the certificates of `#ca`
secure() {
  [ -e "$options" ] || return 0
  asked=$(asked_of_tls)
  if [ "$asked" = verify ] && grep -q '^#ca ' "$options" && ! grep -q '^ssl-ca=' "$options"; then
    sed -n 's/^#ca //p' "$options" >"$options.pem" && printf 'ssl-ca="%s"\n' "$options.pem" >>"$options"
  fi
  case $(vendor "$1")/$asked in
    # Without TLS a password goes there encrypted with the server's own key.
    mysql/off) printf -- '--ssl-mode=DISABLED --get-server-public-key ' ;;
    mysql/required) printf -- '--ssl-mode=REQUIRED ' ;;
    mysql/verify) printf -- '--ssl-mode=VERIFY_IDENTITY ' ;;
    mysql/*) printf -- '--get-server-public-key ' ;;
    mariadb/off) printf -- '--skip-ssl ' ;;
    mariadb/verify) printf -- '--ssl --ssl-verify-server-cert ' ;;
    mariadb/*)
      if tls_is_offered; then
        printf -- '--ssl --skip-ssl-verify-server-cert '
      elif [ "$asked" = required ]; then
        # Older ones would go without it, but not where they shall check a certificate.
        printf -- '--ssl --ssl-verify-server-cert '
      else
        printf -- '--skip-ssl '
      fi
      ;;
  esac
}

# tls_is_offered: whether the server offers it to MariaDB's client: newer ones insist on what they are told
tls_is_offered() {
  cipher=$("$client" --defaults-file="$options" --connect-timeout=10 --ssl --skip-ssl-verify-server-cert --batch \
    --skip-column-names --execute="SHOW SESSION STATUS LIKE 'Ssl_cipher'" 2>/dev/null)
  [ -n "${cipher#Ssl_cipher?}" ]
}

# tuned TOOL: print the options that not every one of them knows
tuned() {
  secure "$1"
  help=$("$1" --no-defaults --help 2>/dev/null)
  for option in no-tablespaces set-gtid-purged=OFF column-statistics=0 masking-policies=0; do
    case $help in *"--${option%%=*}"*) printf -- '--%s ' "$option" ;; esac
  done
}

# asked_of_tls: print what is asked for of the way to the server: off, preferred, required or verify; nothing where there
# is no such way
asked_of_tls() { sed -n 's/^#tls //p' "$options" 2>/dev/null; }

# parallel_tls PROGRAM: print the option with which mydumper or myloader does what is asked for of the way to the server;
# fails where it has none. What checks certificates differs between their versions.
parallel_tls() {
  case $(asked_of_tls) in
    verify) return 1 ;;
    required) ;;
    preferred) tls_is_offered || return 0 ;;
    *) return 0 ;;
  esac
  case $("$1" --help 2>/dev/null) in
    *' --ssl '*) printf -- '--ssl ' ;;
    *) [ "$(asked_of_tls)" = preferred ] ;;
  esac
}

# parallel_options: print the options for mydumper and myloader; newer versions take quotes for a part of the value
parallel_options() { sed 's/^\([a-z]*\)="\([A-Za-z0-9._:%+-]*\)"$/\1=\2/' "$options"; }

# unpack FILE: unpack standard input, as the name of a packed file says
unpack() {
  case $1 in
    *.gz) gzip -d -c ;;
    *) zstd -q -d -c ;;
  esac
}

