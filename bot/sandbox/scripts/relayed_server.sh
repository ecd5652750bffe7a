# shellcheck shell=sh disable=SC2154,SC2034 # set and used by the scripts that are put around it at run time
# A server elsewhere for a sandbox, for POSIX sh: what it gets there has names that nobody else uses, and goes again. The
# code reaches it at the live server's addresses through one socket, with an account that has rights on one database alone;
# the account that makes all this is never seen by a box. `private_server.sh` says what `start.sh` calls. `plan.py` writes:
#
#   sandbox_host sandbox_remote_port   where it is, as seen from this host
#   sandbox_copy      the database, NAME_countersign_sandbox_RUN; beside it there may be `_e`, `_b` and `_t`
#   sandbox_pattern   its name for GRANT
#   sandbox_user      the account of the code; beside it there may be `_t`
#   sandbox_create    creates the database
#
# The step sets `sandbox_login` to the option file of the account that makes them, and `sandbox_mysql` and `sandbox_secured` to
# a client and the options for an encrypted way there.
#
# One rehearsal at a time is at a server, for they share its log: a session holds the lock `countersign_sandbox` as long as
# the step lives. How the log was before is in the table `log_before` of the database `_e`, for whoever cleans up.

server_patience=

# as_account FILE OPTION…: a server cannot ask for files of the host
as_account() {
  as_file=$1
  shift
  # shellcheck disable=SC2086 # options are words
  (exec timeout "${server_patience:-3600}" env MYSQL_TEST_LOGIN_FILE=/nonexistent "$sandbox_mysql" --defaults-file="$as_file" \
    $sandbox_secured --local-infile=0 --comments --default-character-set=utf8mb4 --connect-timeout=10 "$@" 7>&- 8>&- 9>&-)
}

sandbox_client() { as_account "$sandbox_login" "$@"; }

# What the administrator made would run with the administrator's rights.
sandbox_owner() { as_account "$box/owner.cnf" "$@"; }

# sandbox_account NAME DATABASE: in which `_` and `%` have a backslash before them
sandbox_account() {
  secret=$(random_word)
  server_account "$1" "$secret" "$2" >/dev/null 2>&1
}

# server_account NAME PASSWORD DATABASE
server_account() {
  for server_from in "'%'" "'localhost'"; do
    printf "DROP USER IF EXISTS '%s'@%s; CREATE USER '%s'@%s IDENTIFIED BY '%s';\n" "$1" "$server_from" "$1" "$server_from" "$2"
    # shellcheck disable=SC2016 # backticks of SQL
    printf 'GRANT ALL PRIVILEGES ON `%s`.* TO '"'%s'@%s;\n" "$3" "$1" "$server_from"
  done | sandbox_client --batch
}

# server_dropped: write what removes everything that has these names, but how the log was
server_dropped() {
  printf 'SET SESSION lock_wait_timeout = 15;\n'
  for one in "$sandbox_user" "${sandbox_user}_t"; do
    printf "DROP USER IF EXISTS '%s'@'%%'; DROP USER IF EXISTS '%s'@'localhost';\n" "$one" "$one"
  done
  for one in "" _b _t; do
    # shellcheck disable=SC2016 # backticks of SQL
    printf 'DROP DATABASE IF EXISTS `%s%s`;\n' "$sandbox_copy" "$one"
  done
}

# server_locked: hold the lock until the end; the session ends with this shell, whatever ends that
server_locked() {
  mkfifo "$box/holding"
  : >"$box/held"
  {
    server_patience=86400
    sandbox_client --batch --skip-column-names --unbuffered
  } <"$box/holding" >"$box/held" 2>&1 3>&- 4>&- 5>&- 6>&- 7>&- 9>&- &
  server_holder=$!
  # Both ways, so that a client that ended does not end this shell.
  exec 8<>"$box/holding"
  printf "SET SESSION wait_timeout = 86400;\nSELECT CONNECTION_ID();\nSELECT GET_LOCK('countersign_sandbox', %s);\n" \
    "$sandbox_wait" >&8
  until [ "$(wc -l <"$box/held")" -ge 2 ] || ! child_of "$$" "$server_holder"; do moment; done
  { read -r server_session && read -r server_held; } <"$box/held" && [ "$server_held" = 1 ]
}

# server_logs: see that the server logs to a table that can be read; sets `server_logging` if it does
server_logs() {
  server_logging=
  sandbox_ask 'SELECT 1 FROM mysql.general_log LIMIT 0' >/dev/null 2>&1 || return 0
  if ! server_is_logging; then
    sandbox_ask "CREATE TABLE IF NOT EXISTS \`${sandbox_copy}_e\`.log_before
        (id INT PRIMARY KEY, general_log INT, log_output TEXT, was_empty INT);
      INSERT IGNORE INTO \`${sandbox_copy}_e\`.log_before
        SELECT 1, @@GLOBAL.general_log + 0, @@GLOBAL.log_output, COUNT(*) = 0 FROM mysql.general_log;
      SET GLOBAL log_output = IF(@@GLOBAL.general_log OR @@GLOBAL.slow_query_log, 'TABLE,FILE', 'TABLE');
      SET GLOBAL general_log = ON" >/dev/null 2>&1
    server_is_logging || return 0
  fi
  server_logging=yes
}

server_is_logging() {
  [ "$(sandbox_ask "SELECT @@GLOBAL.general_log = 1 AND FIND_IN_SET('TABLE', @@GLOBAL.log_output) > 0")" = 1 ]
}

# server_log_as_before: write what makes the server log as it did; a table that was empty is empty again, if that is allowed
server_log_as_before() {
  before=$(sandbox_ask "SELECT general_log, log_output, was_empty FROM \`${sandbox_copy}_e\`.log_before" 2>/dev/null) || return 0
  [ -n "$before" ] || return 0
  # shellcheck disable=SC2086 # three words
  set -- $before
  printf "SET GLOBAL general_log = %s; SET GLOBAL log_output = '%s';\n" "$1" "$2"
  [ "$3" != 1 ] || printf 'TRUNCATE TABLE mysql.general_log;\n'
}

server_prepared() {
  sandbox_program=
  command -v perl >/dev/null 2>&1 || { refuse tools 'perl is not installed'; return 1; }
  said=$(sandbox_ask 'SELECT 1' 2>&1) || { refuse scratch "$said"; return 1; }
  server_locked || { refuse scratch "another rehearsal was at the scratch server for $sandbox_wait s: $(cat "$box/held")"; return 1; }
  server_made=yes
  said=$(server_dropped | sandbox_client --batch 2>&1) || { refuse scratch "$said"; return 1; }
  # shellcheck disable=SC2016 # backticks of SQL
  said=$(printf 'CREATE DATABASE IF NOT EXISTS `%s_e`; DROP TABLE IF EXISTS `%s_e`.ran, `%s_e`.lines_of; %s\n' \
    "$sandbox_copy" "$sandbox_copy" "$sandbox_copy" "$sandbox_create" | sandbox_client --batch 2>&1) || { refuse scratch "$said"; return 1; }
  said=$(server_account "$sandbox_user" "$sandbox_password" "$sandbox_pattern" 2>&1) || { refuse scratch "$said"; return 1; }
  printf '[client]\nhost=%s\nport=%s\nprotocol=tcp\nuser=%s\npassword=%s\n' "$sandbox_host" "$sandbox_remote_port" \
    "$sandbox_user" "$sandbox_password" >"$box/owner.cnf"
  # MySQL remembers a password that it once saw encrypted, and takes it from then on by a way that is not.
  said=$(sandbox_owner --batch --execute='SELECT 1' 2>&1) || { refuse scratch "$said"; return 1; }
  server_logs
  # In the socket's folder, since the path of a socket may not be long.
  (cd "$box/run" && relay_outside unix s tcp "$sandbox_host" "$sandbox_remote_port" "$sandbox_user") \
    </dev/null >"$box/relay.log" 2>&1 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&- &
  server_relay=$!
}

server_ready() {
  began=$(clock)
  until [ -S "$box/run/s" ]; do
    if ! child_of "$$" "$server_relay" || [ $(($(clock) - began)) -gt 30000 ]; then
      refuse start "$(cat "$box/relay.log")"
      return 1
    fi
    moment
  done
}

# Sessions are numbered, and none of an earlier command lives any more.
server_log() {
  [ -n "$server_logging" ] || return 0
  server_denied=$(grep -c denied "$box/relay.log")
  server_since=$(sandbox_ask 'SELECT CONNECTION_ID()') &&
    server_from=$(sandbox_ask "SELECT SUBSTRING_INDEX(USER(), '@', -1)")
}

# Of the log only what this sandbox did is read: by its account, or by a login from this host that was refused; those that the
# relay refused join it. It is all of it where nobody else has had the server's log meanwhile, and the server was not started
# anew, for then the lock is lost.
server_logged() {
  [ -n "$server_logging" ] || return 0
  sandbox_client --quick --batch --raw --skip-column-names --execute="SELECT $(columns_of_log) FROM mysql.general_log
    WHERE thread_id > $server_since AND (LOCATE('[$sandbox_user]', user_host) > 0
      OR command_type = 'Connect' AND argument LIKE 'Access denied%' AND LOCATE('''@''$server_from''', argument) > 0)" || return 0
  # `Access denied`, in hexadecimal
  tail -n "+$((server_denied + 1))" "$box/relay.log" | sed -n 's/^denied$/0\tConnect\t0\t\t13\t4163636573732064656E696564/p'
  [ "$(sandbox_ask "SELECT IS_USED_LOCK('countersign_sandbox')")" != "$server_session" ] || ! server_is_logging || echo end
}

# An account sees its own sessions, and may end them.
server_sessions() {
  sandbox_owner --batch --raw --skip-column-names --execute="SELECT CONCAT('KILL ', id, ';')
    FROM information_schema.processlist WHERE id <> CONNECTION_ID()"
}

server_left() {
  server_patience=20
  if [ -n "${server_made-}" ]; then
    server_sessions 2>/dev/null | sandbox_owner --force >/dev/null 2>&1
    # shellcheck disable=SC2016 # backticks of SQL
    {
      server_log_as_before
      server_dropped
      printf 'DROP DATABASE IF EXISTS `%s_e`;\n' "$sandbox_copy"
    } | sandbox_client --force >/dev/null 2>&1
    server_made=
  fi
  exec 8>&-
  for one in "${server_relay-}" "${server_holder-}"; do
    if [ -n "$one" ] && child_of "$$" "$one"; then kill -s KILL "$one"; fi
  done
  server_relay='' server_holder=
}
