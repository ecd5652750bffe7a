# shellcheck shell=sh disable=SC2154,SC2034 # set and used by the scripts that are put around it at run time
# The side of a sandbox that lies in its private network, for POSIX sh: starts the server, runs what it is asked to, one
# command at a time, and ends what passes a limit. `measure.sh`, `confine.sh` and `outside.sh` come before it. It is trusted:
# it sees the host's files, and runs nothing of the commit but through `code_box`.
#
# box                       the sandbox's folder
# sandbox_*                 as `start.sh` exports them; sizes in KiB
# $box/requests             a pipe with lines NAME SECONDS
# $box/answers/NAME         ENDED STATUS MILLISECONDS: ENDED is exit, time, memory or disk
# $box/output/NAME          the first $sandbox_output KiB of what it printed
# $box/attempts/NAME        `outside NUMBER` and `loopback NUMBER`: connections that the kernel refused meanwhile
# $box/seen/NAME            `read PATH` and `wrote PATH`: what was done outside of the application's folder
# $box/limit                the limit for which the whole sandbox was ended
# $box/unserved             addresses that the loopback could not be given

tick() { sleep 0.2 2>/dev/null || sleep 1; }

# room FILE: make a file with room for one line, so that a full disk keeps nobody from writing it
room() { printf '%64s\n' '' >"$1"; }

# used_kib: print the memory of all processes of the sandbox, without files that the kernel may drop
used_kib() { cat /proc/[0-9]*/status 2>/dev/null | awk '/^Rss(Anon|Shmem):/ { sum += $2 } END { print sum + 0 }'; }

# exceeded: set `why` to the limit that is passed now
exceeded() {
  why=
  rounds=$((rounds + 1))
  free=$(free_kib "$box")
  available=$(available_kib)
  if [ "${free:-0}" -lt "$sandbox_free_disk" ]; then why=disk; fi
  if [ "${available:-0}" -lt "$sandbox_free_memory" ] || [ "$(used_kib)" -gt "$sandbox_memory" ]; then why=memory; fi
  # Counting files takes longer than asking the file system.
  if [ $((rounds % 5)) -eq 0 ] && [ "$(du -sk -- "$box" 2>/dev/null | awk '{ print $1 }')" -gt "$sandbox_disk" ]; then
    why=disk
  fi
}

# watch MAIN: end the running command where a limit is passed; end everything where the host would suffer all the same,
# or where who holds the lock is gone, which the kernel should have made known
watch() {
  rounds=0
  while tick; do
    if flock -n "$place/lock" true; then kill -s KILL "$1"; fi
    exceeded
    pid='' deadline=''
    [ ! -s "$box/running" ] || read -r pid deadline <"$box/running"
    [ -z "$pid" ] || [ "$(clock)" -lt "$deadline" ] || why='time'
    [ -n "$why" ] || continue
    if [ -n "$pid" ]; then
      # It may have ended by itself meanwhile, and its id is not given away before this shell has waited for it.
      printf '%s\n' "$why" 1<>"$box/passed"
      kill -s KILL "$pid" 2>/dev/null
    elif [ "$why" = memory ] || [ "${free:-0}" -lt "$sandbox_free_disk" ]; then
      printf '%s\n' "$why" 1<>"$box/limit"
      kill -s KILL "$1"
    fi
  done
}

# bounded FILE: keep the beginning of standard input, and read all of it, so that who prints too much is not stopped
bounded() {
  head -c "$((sandbox_output * 1024))" >"$1"
  cat >/dev/null
}

# refusals: print how many connections the kernel has refused in this network: for want of a route, and because nobody
# listened (RFC 4293 `ipIfStatsOutNoRoutes`, RFC 4022 `tcpAttemptFails`, RFC 4113 `udpNoPorts`)
refusals() {
  cat /proc/net/snmp /proc/net/snmp6 2>/dev/null | awk '
    $1 == "Ip6OutNoRoutes" { outside += $2; next }
    $1 !~ /^(Ip|Tcp|Udp):$/ { next }
    $2 ~ /^[A-Za-z]/ { for (i = 2; i <= NF; i++) name[i] = $1 $i; next }
    {
      for (i = 2; i <= NF; i++) {
        if (name[i] == "Ip:OutNoRoutes") outside += $i
        if (name[i] == "Tcp:AttemptFails" || name[i] == "Udp:NoPorts") loopback += $i
      }
    }
    END { print outside + 0, loopback + 0 }'
}

# attempted NAME OUTSIDE LOOPBACK: note what was refused since then
attempted() {
  # shellcheck disable=SC2046 # these are words
  set -- "$1" "$2" "$3" $(refusals)
  [ "$4" -le "$2" ] || printf 'outside %s\n' "$(($4 - $2))" >>"$box/attempts/$1"
  [ "$5" -le "$3" ] || printf 'loopback %s\n' "$(($5 - $3))" >>"$box/attempts/$1"
}

# perform NAME SECONDS
perform() {
  room "$box/passed"
  room "$box/answer.new"
  outside_again
  refused=$(refusals)
  began=$(clock)
  bounded "$box/output/$1" <"$box/printed" 3<&- &
  reader=$!
  code_box "$1" >"$box/printed" 2>&1 </dev/null 3<&- &
  code=$!
  # Renamed, for `watch` must never read half a line.
  printf '%s %s\n' "$code" "$((began + $2 * 1000))" >"$box/running.new"
  mv "$box/running.new" "$box/running"
  wait "$code"
  status=$?
  rm -f "$box/running"
  ended=$(clock)
  wait "$reader"
  # shellcheck disable=SC2086 # two words
  attempted "$1" $refused
  outside_seen "$1"
  how=
  [ "$status" -le 128 ] || read -r how <"$box/passed"
  printf '%s %s %s\n' "${how:-exit}" "$status" "$((ended - began))" 1<>"$box/answer.new"
  mv "$box/answer.new" "$box/answers/$1"
}

# database: run the server, or what leads to it, until it ends
database() {
  # shellcheck disable=SC2086 # options are words
  case $sandbox_server in
    private) (server_box /sandbox/program --defaults-file=/sandbox/server/server.cnf $sandbox_as_root) ;;
    relayed) (relay_box tcp "$sandbox_port" unix /sandbox/run/s) ;;
  esac
  : >"$box/server/ended"
}

# serve: what follows once the addresses are there, without capabilities
serve() {
  identify
  [ -z "$sandbox_server" ] || database </dev/null >>"$box/server/error.log" 2>&1 &
  watch "$$" </dev/null >/dev/null 2>&1 &
  room "$box/limit"
  exec 3<>"$box/requests"
  while read -r name seconds <&3; do perform "$name" "$seconds"; done
}

# addresses: give the loopback the live server's addresses
addresses() {
  identify
  for one in $sandbox_addresses; do
    case $one in
      *:*) ip -6 addr add "$one/128" dev lo ;;
      *) ip addr add "$one/32" dev lo ;;
    esac >/dev/null 2>&1 || printf '%s\n' "$one" >>"$box/unserved"
  done
  # shellcheck disable=SC2086 # words
  exec $without_capabilities sh "$box/inside.sh" serve
}

"$1"
