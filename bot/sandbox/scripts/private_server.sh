# shellcheck shell=sh disable=SC2154,SC2034 # set and used by the scripts that are put around it at run time
# The private server of a sandbox, for POSIX sh: a program of this host, with a folder of its own, in a box that shares the
# network with the code's. What `start.sh` calls:
#
#   server_prepared   what comes before the network is there
#   server_ready      wait until it answers, and make its databases and accounts
#   server_log        begin its log anew
#   server_logged     print its log, and a line `end` behind all of it
#   server_sessions   print statements that end the sessions of the application
#   server_left       leave it as it was found

sandbox_administrator=countersign_sandbox

# server_prepared: choose the program, and fill its folder
server_prepared() {
  seen='no server program'
  sandbox_program=
  for program in $sandbox_programs; do
    [ -x "$program" ] || continue
    version=$("$program" --no-defaults --version 2>/dev/null | head -n 1)
    seen=$version
    case $version in *MariaDB*) kind=mariadb ;; *) kind=mysql ;; esac
    version=$(printf '%s\n' "$version" | sed -n 's/^.* Ver \([0-9][0-9.]*\).*/\1/p')
    case $kind-$version. in "$sandbox_kind-$sandbox_series".*) sandbox_program=$program ;; *) continue ;; esac
    break
  done
  [ -n "$sandbox_program" ] || { refuse version "$sandbox_kind $sandbox_series is needed; there is: $seen"; return 1; }
  sandbox_template=$version-$sandbox_template_suffix
  template || { refuse template "$said"; return 1; }
  cp -a -- "$template" "$box/server/data" || { refuse unwritable 'the template cannot be copied'; return 1; }
  printf '%s\n' "$sandbox_options" "port=$sandbox_port" >"$box/server/server.cnf"
  secret=$(random_word)
  {
    printf "SET SESSION sql_mode = '';\n"
    printf "CREATE USER '%s'@'localhost' IDENTIFIED BY '%s';\n" "$sandbox_administrator" "$secret"
    printf "GRANT ALL PRIVILEGES ON *.* TO '%s'@'localhost' WITH GRANT OPTION;\n" "$sandbox_administrator"
  } >"$box/server/init.sql"
  printf '[client]\nuser=%s\npassword=%s\nsocket=s\n' "$sandbox_administrator" "$secret" >"$box/client.cnf"
  case $sandbox_kind in
    mariadb) sandbox_clients='mariadb mysql' ;;
    mysql) sandbox_clients='mysql mariadb' ;;
  esac
  for sandbox_mysql in $sandbox_clients ''; do
    [ -z "$sandbox_mysql" ] || ! command -v "$sandbox_mysql" >/dev/null 2>&1 || break
  done
  [ -n "$sandbox_mysql" ] || { refuse tools 'neither mariadb nor mysql is installed'; return 1; }
}

# In the socket's folder, since the path of a socket may not be long. A server cannot ask for files of the host.
sandbox_client() {
  (cd "$box/run" && exec env MYSQL_TEST_LOGIN_FILE=/nonexistent "$sandbox_mysql" --defaults-file="$box/client.cnf" \
    --local-infile=0 --comments --default-character-set=utf8mb4 --connect-timeout=10 "$@" 7>&- 9>&-)
}

# Its administrator can do nothing beyond the sandbox either.
sandbox_owner() { sandbox_client "$@"; }

server_ready() {
  said=
  began=$(clock)
  until [ -S "$box/run/s" ] && said=$(sandbox_ask 'SELECT 1' 2>&1); do
    if ! sandbox_lives || [ -e "$box/server/ended" ] || [ $(($(clock) - began)) -gt 30000 ]; then
      refuse start "$(cat "$box/inside.log" "$box/limit" 2>/dev/null) $said
        $(grep -i -e error -e abort "$box/server/error.log" 2>/dev/null | tail -n 3)"
      return 1
    fi
    moment
  done
  said=$(accounts 2>&1) || { refuse start "$said"; return 1; }
  [ -z "$sandbox_named_zones" ] || said=$(time_zones 2>&1) || { refuse start "time zones: $said"; return 1; }
}

# time_zones: load the names of the time zone database, which the live server knows too
time_zones() {
  for tzinfo in mariadb-tzinfo-to-sql mysql_tzinfo_to_sql ''; do
    [ -z "$tzinfo" ] || ! command -v "$tzinfo" >/dev/null 2>&1 || break
  done
  [ -n "$tzinfo" ] || { printf 'neither mariadb-tzinfo-to-sql nor mysql_tzinfo_to_sql is installed\n'; return 1; }
  "$tzinfo" /usr/share/zoneinfo 2>/dev/null | sandbox_client --batch --skip-column-names mysql
}

# accounts: the template's own accounts go, but for the one that routines of a dump may name; then those of the
# application come, with rights on its databases alone
accounts() {
  drop=$(sandbox_ask "SELECT CONCAT('DROP USER ', QUOTE(user), '@', QUOTE(host), ';') FROM mysql.user
    WHERE user NOT IN ('$sandbox_administrator', 'PUBLIC') AND user NOT LIKE 'mariadb.%' AND user NOT LIKE 'mysql.%'
    AND NOT (user = 'root' AND host = 'localhost')") || return 1
  {
    printf "SET SESSION sql_mode = '';\n%s\n" "$drop"
    printf "ALTER USER 'root'@'localhost' IDENTIFIED BY '%s';\n" "$(random_word)"
    printf '%s\n' "$sandbox_create"
    printf '%s\n' "$sandbox_users" | cat - "$box/env/users" | grep -v -x -F "$sandbox_administrator" | grep . | sort -u |
      sql_text | while IFS= read -r user; do
      for host in "'%'" "'localhost'"; do
        printf 'DROP USER IF EXISTS %s@%s;\n' "$user" "$host"
        printf "CREATE USER %s@%s IDENTIFIED BY '%s';\n" "$user" "$host" "$sandbox_password"
        printf '%s\n' "$sandbox_grants" | while IFS= read -r pattern; do
          [ -z "$pattern" ] || printf 'GRANT ALL PRIVILEGES ON %s.* TO %s@%s;\n' "$pattern" "$user" "$host"
        done
      done
    done
  } | sandbox_client --batch
}

# sandbox_account NAME DATABASE: in which `_` and `%` have a backslash before them
sandbox_account() {
  secret=$(random_word)
  sandbox_ask "CREATE USER '$1'@'localhost' IDENTIFIED BY '$secret'; GRANT ALL PRIVILEGES ON \`$2\`.* TO '$1'@'localhost'" >/dev/null 2>&1
}

server_log() { sandbox_ask 'SET GLOBAL general_log = OFF; TRUNCATE TABLE mysql.general_log; SET GLOBAL general_log = ON'; }

server_logged() {
  sandbox_client --quick --batch --raw --skip-column-names --execute="SET GLOBAL general_log = OFF;
    SELECT $(columns_of_log) FROM mysql.general_log WHERE LOCATE('[$sandbox_administrator]', user_host) = 0" && echo end
}

server_sessions() {
  sandbox_ask "SELECT CONCAT('KILL ', id, ';') FROM information_schema.processlist
    WHERE user NOT IN ('$sandbox_administrator', 'system user', 'event_scheduler')"
}

# It is gone with the sandbox.
server_left() { :; }
