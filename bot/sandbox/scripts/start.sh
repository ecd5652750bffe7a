# shellcheck shell=sh disable=SC2154,SC2034 # set and used by the scripts that are put around it at run time
# A sandbox on a host, for POSIX sh: what a step calls, in this order and in its main shell.
#
#   sandbox_claim                      wait to be the only one; then $sandbox_work is an empty folder for a copy of the
#                                      application, to be filled with files that share nothing with the live checkout
#                                      (`cp -Rp` copies hard links as files, `cp -a` does not)
#   sandbox_start                      start the network, and the server with its databases and accounts
#   sandbox_client OPTION…             the server's client, as its administrator, over a pipe or with --execute
#   sandbox_owner OPTION…              the same, as whom what is loaded for the code is to belong to
#   sandbox_account NAME DATABASE      add an account with rights on one database alone; sets `secret` to its password
#   sandbox_ask SQL                    print the rows of a query, columns between tabs
#   sandbox_run NAME SECONDS TEXT      run shell text confined; succeeds where it ended by itself with status 0
#   sandbox_close                      end everything and remove it; may be called at any time, and twice
#
# Each fails once it has written `refused` into $sandbox_results/facts. Descriptors 7 and 9 are the sandbox's own, and
# `sandbox_claim` sets umask 077. A sandbox dies with the shell that started it, whatever ends that. What the results look
# like is in `results.py`; `plan.py` writes the values that begin with `sandbox_` before it. `$sandbox_server` says what the
# server is (private, relayed, or nothing); a script of that name, which comes before this, how it is made, asked and left.

sandbox_fact() { printf '%s\t%s\n' "$1" "$2" >>"$sandbox_results/facts"; }

# refuse REASON DETAIL
refuse() {
  sandbox_fact refused "$1"
  sandbox_fact detail "$(printf '%s' "$2" | tr '\t\n\r' '   ' | head -c 600)"
  return 1
}

moment() { sleep 0.03 2>/dev/null || sleep 1; }

random_word() { od -An -tx1 -N16 /dev/urandom | tr -d ' \n'; }

# sql_text: quote a line of standard input for SQL
sql_text() { sed -e 's/\\/\\\\/g' -e "s/'/''/g" -e "s/^/'/" -e "s/\$/'/"; }

# ── claiming ─────────────────────────────────────────────────────────────────────────────────────────────────────────

sandbox_claim() {
  # A reader of the results never meets those of an attempt before.
  rm -rf -- "$sandbox_results"
  mkdir -p -- "$sandbox_results" || return 1
  umask 077
  for tool in bwrap setpriv prlimit flock awk nice od; do
    command -v "$tool" >/dev/null 2>&1 || { refuse tools "$tool is not installed"; return 1; }
  done
  find_place
  lock_place 0 || {
    [ $? -eq 1 ] || { refuse unwritable "$place cannot be written to"; return 1; }
    printf 'waiting for another sandbox on this host\n'
    lock_place "$sandbox_wait" || { refuse busy "another sandbox was at work for $sandbox_wait s"; return 1; }
  }
  remove_box
  mkdir "$box" || { refuse unwritable "$box cannot be made"; return 1; }
  sandbox_uid=$(spare_uid)
  sandbox_as_root=
  [ "$(id -u)" != 0 ] || sandbox_as_root=--user=root
  identify
  sandbox_work=$box/work
  sandbox_environment=$box/environment
  enough || return 1
  # shellcheck disable=SC2015 # any of them may fail
  mkdir "$box/work" "$box/tmp" "$box/shm" "$box/run" "$box/commands" "$box/answers" "$box/output" "$box/env" \
    "$box/attempts" "$box/seen" "$box/server" "$box/server/tmp" &&
    mkfifo "$box/requests" "$box/printed" &&
    printf '' >"$sandbox_environment" &&
    etc_files || { refuse unwritable "$box cannot be written to"; return 1; }
}

# enough: the host keeps its reserves even when the sandbox takes what it may take at once
enough() {
  memory=$(available_kib)
  needed=$((sandbox_free_memory + sandbox_server_memory + 131072))
  [ "${memory:-0}" -ge "$needed" ] || { refuse memory "$memory KiB are available, and $needed KiB are needed"; return 1; }
  disk=$(free_kib "$box")
  needed=$((sandbox_free_disk + sandbox_data * 2 + 153600))
  [ "${disk:-0}" -ge "$needed" ] || { refuse disk "$disk KiB are free, and $needed KiB are needed"; return 1; }
  inodes=$(free_inodes "$box")
  case $inodes in
    '' | *[!0-9]* | 0) ;;
    *) [ "$inodes" -ge 20000 ] || { refuse disk "$inodes more files can be made, and 20000 are needed"; return 1; } ;;
  esac
}

# ── starting ─────────────────────────────────────────────────────────────────────────────────────────────────────────

sandbox_start() {
  shared=$(find "$sandbox_work" -type f -links +1 2>/dev/null | head -n 1)
  [ -z "$shared" ] || { refuse hard_links "${shared#"$sandbox_work/"} is a hard link"; return 1; }
  sandbox_password=$(random_word)
  environment || return 1
  served
  [ -z "$sandbox_server" ] || server_prepared || return 1
  if [ "$(id -u)" = 0 ]; then
    chown -R -h "$sandbox_uid:$sandbox_uid" "$box/work" "$box/tmp" "$box/shm" ||
      { refuse unwritable 'files cannot be given away'; return 1; }
  fi
  # The folder itself is 0700; these are seen through the boxes' mounts alone.
  chmod 755 "$box/commands" "$box/run"
  chmod 644 "$sandbox_environment"
  sandbox_processes=$((sandbox_processes + $(own_threads)))
  printf '%s\n' "$sandbox_inside" >"$box/inside.sh"
  sandbox_home=${HOME%/}
  export box place sandbox_addresses sandbox_as_root sandbox_at sandbox_disk sandbox_file sandbox_free_disk sandbox_free_memory \
    sandbox_home sandbox_memory sandbox_output sandbox_port sandbox_processes sandbox_program sandbox_relay sandbox_server \
    sandbox_uid sandbox_zone
  # shellcheck disable=SC2094 # it is written before it is read
  (private_network --info-fd 5 sh "$box/inside.sh" addresses) \
    </dev/null >"$box/inside.log" 2>&1 3>&- 4>&- 5>"$box/info" 6>&- 7>&- 8>&- 9>&- &
  sandbox_pid=$!
  exec 7<>"$box/requests"
  [ -z "$sandbox_server" ] || server_ready || return 1
  [ ! -s "$box/unserved" ] || while read -r one; do sandbox_fact unserved "$one"; done <"$box/unserved"
}

# environment: turn the live .env file into one without anything that is secret
environment() {
  touch "$box/env/users" "$box/env/hosts" "$box/env/ports" "$box/env/sockets"
  [ -n "$sandbox_env_from" ] || return 0
  [ -f "$sandbox_env_from" ] && [ -r "$sandbox_env_from" ] ||
    { refuse environment "$sandbox_env_from cannot be read"; return 1; }
  head -c 262144 <"$sandbox_env_from" | tr -d '\000' |
    LC_ALL=C sandbox_out=$box/env sandbox_rules=$sandbox_rules sandbox_password=$sandbox_password sandbox_user=$sandbox_user \
      sandbox_stands_for=$sandbox_stands_for sandbox_copy=$sandbox_copy \
      sandbox_key=base64:$(head -c 32 /dev/urandom | base64) awk "$sandbox_awk" || { refuse environment 'awk failed'; return 1; }
  case $sandbox_env_form in
    dotenv)
      # The commit may have put a link there.
      # shellcheck disable=SC2015 # either may fail
      rm -rf -- "${sandbox_work:?}/$sandbox_env_to" && cp "$box/env/dotenv" "$sandbox_work/$sandbox_env_to" ||
        { refuse environment "$sandbox_env_to cannot be written"; return 1; }
      ;;
    variables) cp "$box/env/variables" "$sandbox_environment" ;;
  esac
}

# served: sort where the application looks for its server: addresses, names and sockets; the first port counts
served() {
  read -r port <"$box/env/ports" || port=
  [ -z "$port" ] || sandbox_port=$port
  sandbox_addresses=
  for one in $(printf '%s\n' "$sandbox_hosts" | cat - "$box/env/hosts" | grep -E '^[A-Za-z0-9.:_-]+$' | sort -u); do
    case $one in
      localhost | 127.* | ::1) ;;
      *:*) sandbox_addresses="$sandbox_addresses $one" ;;
      *[!0-9.]*) printf '127.0.0.1 %s\n' "$one" >>"$box/etc/hosts" ;;
      *) sandbox_addresses="$sandbox_addresses $one" ;;
    esac
  done
  printf '%s\n' "$sandbox_sockets" | cat - "$box/env/sockets" | sed 's:^/var/run/:/run/:' |
    grep -E '^(/[A-Za-z0-9_-][A-Za-z0-9._-]*)+$' | grep -v -E '^/(usr|etc|proc|dev|sandbox|bin|sbin|lib)' |
    sort -u >"$box/sockets"
  printf '%s\n' "$sandbox_read_only" | grep . >"$box/read-only"
}

# sandbox_ask SQL: print the rows, columns between tabs
sandbox_ask() { sandbox_client --batch --raw --skip-column-names --execute="$1"; }

# child_of PARENT PROCESS: whether a process lives that another one started; an id alone may be somebody else's by now
child_of() {
  child_parent='' child_state=Z
  while read -r child_key child_value _; do
    case $child_key in
      State:) child_state=$child_value ;;
      PPid:) child_parent=$child_value ;;
    esac
  done 2>/dev/null <"/proc/$2/status"
  [ "$child_parent" = "$1" ] && [ "$child_state" != Z ]
}

# ended_for: set `sandbox_limit` to the limit for which the whole sandbox was ended, if it was
ended_for() {
  sandbox_limit=
  [ ! -e "$box/limit" ] || read -r sandbox_limit <"$box/limit"
}

sandbox_lives() { child_of "$$" "$sandbox_pid" && { ended_for; [ -z "$sandbox_limit" ]; }; }

# ── running ──────────────────────────────────────────────────────────────────────────────────────────────────────────

sandbox_run() {
  # The code's own shell enters the folder: as uid 0 without capabilities bubblewrap could not.
  # Where the kernel itself must end something, it ends this first.
  printf '%s\n' 'echo 1000 2>/dev/null >/proc/self/oom_score_adj' '. /sandbox/environment' "cd $sandbox_at || exit 126" "$3" \
    >"$box/commands/$1"
  chmod 644 "$box/commands/$1"
  [ -z "$sandbox_server" ] || server_log >/dev/null || { sandbox_fact command "$1 lost - 0"; return 1; }
  printf '%s %s\n' "$1" "$2" >&7
  until [ -e "$box/answers/$1" ] || ! sandbox_lives; do moment; done
  if [ -e "$box/answers/$1" ]; then
    # It is empty where there was no room for it.
    read -r sandbox_ended sandbox_status sandbox_spent <"$box/answers/$1"
    [ -n "$sandbox_spent" ] || sandbox_ended=disk sandbox_status=- sandbox_spent=0
  else
    ended_for
    sandbox_ended=${sandbox_limit:-lost} sandbox_status=- sandbox_spent=0
  fi
  [ ! -e "$box/attempts/$1" ] || while read -r one; do sandbox_fact attempted "$1 $one"; done <"$box/attempts/$1"
  [ ! -e "$box/seen/$1" ] || while read -r one; do sandbox_fact touched "$1 $one"; done <"$box/seen/$1"
  [ ! -e "$box/unseen" ] || {
    while read -r one; do sandbox_fact unseen "$one"; done <"$box/unseen"
    rm -f "$box/unseen"
  }
  [ ! -e "$box/output/$1" ] || cp "$box/output/$1" "$sandbox_results/$1.output"
  if [ -n "$sandbox_server" ] && sandbox_lives; then logged "$1"; fi
  sandbox_fact command "$1 $sandbox_ended $sandbox_status $sandbox_spent"
  [ "$sandbox_ended $sandbox_status" = 'exit 0' ]
}

# logged NAME: keep what the server logged of the application, once nothing of it runs any more
logged() {
  sandbox_began=$(clock)
  while sandbox_sessions=$(server_sessions) && [ -n "$sandbox_sessions" ]; do
    sandbox_waited=$(($(clock) - sandbox_began))
    if [ "$sandbox_waited" -gt 15000 ]; then sandbox_fact unsettled "$1"; break; fi
    [ "$sandbox_waited" -lt 2000 ] || printf '%s\n' "$sandbox_sessions" | sandbox_owner --force >/dev/null 2>&1
    moment
  done
  server_logged | head -c "$((sandbox_log * 1024))" >"$sandbox_results/$1.log"
}

# columns_of_log: print what is read of each entry of the log
columns_of_log() {
  printf '%s' "thread_id, command_type, UNIX_TIMESTAMP(event_time),
    HEX(SUBSTRING_INDEX(SUBSTRING_INDEX(user_host, ']', 1), '[', -1)), OCTET_LENGTH(argument), HEX(LEFT(argument, 65536))"
}

# ── ending ───────────────────────────────────────────────────────────────────────────────────────────────────────────

# The first process of the namespace takes all others with it, and its starter ends after them.
sandbox_close() {
  if [ -n "${sandbox_pid-}" ]; then
    first=$(sed -n 's/.*"child-pid": *\([0-9][0-9]*\).*/\1/p' "$box/info" 2>/dev/null)
    if [ -n "$first" ] && child_of "$sandbox_pid" "$first"; then
      kill -s KILL "$first"
    elif child_of "$$" "$sandbox_pid"; then
      kill -s KILL "$sandbox_pid"
    fi
    wait "$sandbox_pid" 2>/dev/null
    sandbox_pid=
  fi
  if [ -n "${sandbox_work-}" ]; then
    [ -z "$sandbox_server" ] || server_left
    remove_box
    sandbox_work=
    exec 7>&- 9>&-
  fi
}
