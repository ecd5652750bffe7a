# shellcheck shell=sh disable=SC2154 # journal.py puts the values before it
# shellcheck disable=SC2030,SC2031 # prune sets `dir` in a pipeline's subshell, where alone it is meant to last
# The journal of detached steps, for any POSIX sh (tried with dash, busybox and bash).
#
# It is kept on the host, named by its SHA-256 (`bot/hosts/runner_program.py`). What the bot sends for a step sets values
# as variables, loads this program and calls `main`. Standard output carries the bytes of the step's log and nothing
# else, after one line with the nonce; standard error carries lines that begin with the nonce. So no output of a step can
# be taken for an answer.
#
# One attempt of one step lies in FOLDER/KEY.ATTEMPT/ below ${XDG_STATE_HOME:-$HOME/.local/state}/countersign. FOLDER is
# RUN@PLACE, because hosts may share a home; in the first version of this layout it was RUN:
#   (the folder)  the claim, made by mkdir: of any number of starters one goes on
#   script        what runs, by `sh script`
#   files/        private files of the step, removed when it ends
#   private       there if the script itself is removed with them
#   started       `BOOT PID START UPTIME` of the supervisor, synced before the command starts; or `void`: somebody
#                 decided that it never will. It is made with O_EXCL, so one of the two happens, and only one.
#   group         `PID START SESSION` of the command, written by itself before it becomes the script
#   refused       why the script was not run: `directory`, `checkout` or `moved COMMIT`
#   log           standard output and error of the script
#   status        `exit N`, `timed-out gone|there` or `cancelled gone|there|never`; written beside, then renamed
# Several steps may come in one call: a *stretch*. One supervisor claims them in order, each when its turn has come, and
# stops at the first that does not end with 0. Of those that it does not reach there is nothing on the disk.
# Beside them FOLDER/.tokens/N (every token seen) and FOLDER/.marks/ ($COUNTERSIGN_RUN_DIR).
#
# The lock on an attempt is its supervisor: boot id, process id and start time name one process for ever, no child
# inherits them, and the lock is free as soon as that process is gone.
#
# The supervisor is a fork of the shell that the connection started, with all descriptors redirected; the command gets
# a session of its own with `setsid`. Without `setsid` it stays in the session that sshd made for the connection,
# and that is what is ended. Without /proc only process groups can be seen, and start times are not compared.

say() { printf '%s %s\n' "$nonce" "$*" >&2 || exit 1; }

# Says so where the file system of the journals has no room left.
full() {
  df -Pk "$base" 2>/dev/null | while read -r _ _ _ free _; do
    if [ "$free" = 0 ]; then printf ': the disk is full'; fi
  done
}

# ── processes ──

# BusyBox's shell, as of 1.38, spins in `read` for ever once it has caught a signal. It alone and bash know `help`; it is
# not told when a child ends, and whatever has `caught` a signal lets `cat` read.
caught=
is_busybox=false
if [ -z "${BASH_VERSION-}" ] && command -v help >/dev/null 2>&1; then is_busybox=true; fi

read_boot() {
  boot=-
  [ ! -r /proc/sys/kernel/random/boot_id ] || read -r boot </proc/sys/kernel/random/boot_id
}

read_uptime() {
  uptime=
  if [ -n "$caught" ]; then uptime=$(cat /proc/uptime 2>/dev/null)
  elif [ -r /proc/uptime ]; then read -r uptime _ </proc/uptime; fi
  uptime=${uptime%%.*}
  [ -n "$uptime" ] || uptime=$(date +%s)
}

# Sets `me` to the id of this very process, which in a subshell is not $$.
read_me() {
  if [ -r /proc/self/stat ]; then
    read -r me _ </proc/self/stat
  else
    me=$(exec sh -c 'echo "$PPID"')
  fi
}

# Sets `state`, `parent`, `session` and `start` of process $1; fails where there is none.
stat_of() {
  state=- parent=- session=- start=-
  if [ ! -r /proc/self/stat ]; then
    kill -0 "$1" 2>/dev/null
    return
  fi
  stat_text=
  # A program's name may hold blanks, brackets and even line ends; the fields follow the last bracket.
  if [ -n "$caught" ]; then
    stat_text=$(cat "/proc/$1/stat" 2>/dev/null)
  else
    while IFS= read -r stat_line || [ -n "$stat_line" ]; do
      stat_text="$stat_text$stat_line "
    done 2>/dev/null <"/proc/$1/stat"
  fi
  [ -n "$stat_text" ] || return 1
  # shellcheck disable=SC2086 # the fields are words
  set -- ${stat_text##*) }
  state=$1 parent=$2 session=$4 start=${20}
}

# Whether process $1 that started at $2 lives.
alive() {
  stat_of "$1" && [ "$start" = "$2" ] && [ "$state" != Z ] && [ "$state" != X ]
}

# Sets `found` to what lives of the command in `group`: its session, and itself should it not have its session yet.
# Processes named in `spared` are left out. Descendants count whatever their session (sudo gives its command one of its
# own); once seen they are kept in `followed`, because they get another parent when theirs ends.
find_group() {
  found='' others=''
  words_of "$dir/group" || return 0
  # Another process with its id: the kernel gave the id away, so nothing is left of a session of that name.
  if stat_of "$w1" && [ "$start" != "$w2" ]; then return 0; fi
  if [ ! -r /proc/self/stat ]; then
    ! kill -0 -- "-$w3" 2>/dev/null || found=-$w3
    return 0
  fi
  for entry in /proc/[0-9]*; do
    one=${entry#/proc/}
    stat_of "$one" && [ "$state" != Z ] && [ "$state" != X ] || continue
    case " $spared " in *" $one "*) continue ;; esac
    if [ "$session" = "$w3" ] || [ "$one" = "$w1" ]; then
      found="$found $one"
    else
      case " $followed " in
        *" $one:$start "*) found="$found $one" ;;
        *) others="$others $one:$start:$parent" ;;
      esac
    fi
  done
  grown=yes
  while [ -n "$grown" ]; do
    grown=
    for other in $others; do
      one=${other%%:*}
      case " $found " in *" $one "*) continue ;; *" ${other##*:} "*) ;; *) continue ;; esac
      found="$found $one" followed="$followed ${other%:*}" grown=yes
    done
  done
}

send() {
  for one in $found; do kill -s "$1" -- "$one" 2>/dev/null; done
}

tick() { sleep 0.1 2>/dev/null || sleep 1; }

# Whether processes of other accounts cannot be seen here (hidepid): what sudo started may live unseen.
blind() { [ -r /proc/self/stat ] && [ ! -r /proc/1/stat ]; }

# TERM, five seconds of grace, KILL; succeeds only when nothing of the command lives, and what lives can be seen.
end_group() {
  find_group
  [ -n "$found" ] || { ! blind; return; }
  send TERM
  ticks=0
  while [ "$ticks" -lt 100 ]; do
    [ "$ticks" -lt 50 ] || send KILL
    tick
    find_group
    [ -n "$found" ] || { ! blind; return; }
    ticks=$((ticks + 1))
  done
  return 1
}

# ── files ──

# Sets the first words of file $1 as `w1`…`w4`; fails where it is missing or empty.
words_of() {
  w1='' w2='' w3='' w4=''
  [ -s "$1" ] || return 1
  if [ -z "$caught" ]; then read -r w1 w2 w3 w4 <"$1"; return; fi
  words=$(cat "$1") || return 1
  # shellcheck disable=SC2086 # its words
  set -- $words
  w1=${1-} w2=${2-} w3=${3-} w4=${4-}
}

# Writes `started`, unless it is there: fails where somebody was first.
decide() {
  set -C
  printf '%s\n' "$1" 2>/dev/null >"$dir/started"
  decided=$?
  set +C
  return "$decided"
}

# Writes the status. `status.new` has been there from the start with room for it, so that a full disk loses none.
put_status() {
  printf '%s\n' "$1" 1<>"$dir/status.new" && mv -f "$dir/status.new" "$dir/status"
}

forget_files() {
  [ ! -d "$dir/files" ] || rm -rf "$dir/files"
  [ ! -e "$dir/private" ] || rm -f "$dir/script"
}

# ── detached ──

# Does the claimed step, then claims and does those that follow it, for as long as all goes well and nobody objects.
supervise() {
  why=
  trap 'why=cancelled caught=yes' TERM
  trap 'why=timed-out caught=yes' ALRM
  trap 'caught=yes' HUP
  read_boot
  read_uptime
  read_me
  stat_of "$me"
  mine=$start
  detach=
  ! command -v setsid >/dev/null 2>&1 || detach=setsid
  supervise_step
  while [ "$result" = 'exit 0' ] && [ -z "$why" ] && [ "$number" -lt "$steps" ]; do
    turn_to $((number + 1))
    claim || exit 0
    # Nothing has begun and nobody else starts it, so the claim can be taken back.
    if ! fill || [ -n "$why" ]; then
      rm -rf "$dir"
      exit 0
    fi
    read_uptime
    supervise_step
  done
}

# Runs the job and records how it ended, as `result`.
supervise_step() {
  followed=''
  decide "$boot $me $mine $uptime" || exit 0
  dd of="$dir/started" conv=notrunc,fsync </dev/null 2>/dev/null
  job &
  child=$!
  # The timer asks again and again, since a signal just before `wait` begins can be lost. It sleeps in short pieces:
  # it is ended by KILL, the one signal that cannot be lost while a shell forks, and its last piece outlives it.
  # Should the supervisor have been killed, the timer itself holds to the limit.
  (
    left=$limit
    while [ "$left" -gt 0 ]; do
      nap=$((left < 5 ? left : 5))
      sleep "$nap"
      left=$((left - nap))
      alive "$me" "$mine" || { find_group; [ -n "$found" ] || exit 0; }
    done
    while alive "$me" "$mine"; do
      kill -s ALRM "$me"
      sleep 1
    done
    [ -s "$dir/status" ] || end_group
  ) &
  timer=$!
  while :; do
    wait "$child"
    code=$?
    # `wait` ends early for every trapped signal; the command has ended only when it can no longer be seen.
    if [ -n "$why" ] || [ "$code" -le 128 ] || ! kill -0 "$child" 2>/dev/null; then break; fi
  done
  kill -s KILL "$timer" 2>/dev/null
  if [ -n "$why" ] && [ "$code" -gt 128 ]; then
    # The command writes its own group; it may not have come to that yet.
    until [ -s "$dir/group" ] || ! kill -0 "$child" 2>/dev/null; do tick; done
    spared="$me $timer"
    if end_group; then result="$why gone"; else result="$why there"; fi
  else
    result="exit $code"
  fi
  forget_files
  until put_status "$result"; do sleep 1; done
  # What the bot has read it remembers itself; after a power cut before it reads, this spares a person the question.
  dd of="$dir/status" conv=notrunc,fsync </dev/null 2>/dev/null &
}

# Becomes the script, once its directory and commit are as they must be.
job() {
  read_me
  stat_of "$me"
  [ -z "$detach" ] || session=$me
  printf '%s %s %s\n' "$me" "$start" "$session" >"$dir/group"
  exec >>"$dir/log" 2>&1 </dev/null
  cd -- "$directory" || { printf 'directory\n' >"$dir/refused"; exit 1; }
  if [ -n "$expects" ]; then
    at=$(GIT_OPTIONAL_LOCKS=0 git rev-parse --verify HEAD) || { printf 'checkout\n' >"$dir/refused"; exit 1; }
    [ "$at" = "$expects" ] || { printf 'moved %s\n' "$at" >"$dir/refused"; exit 1; }
  fi
  umask "$mask"
  COUNTERSIGN_RUN=$run COUNTERSIGN_RUN_DIR=$rundir/.marks COUNTERSIGN_HOST=$place
  export COUNTERSIGN_RUN COUNTERSIGN_RUN_DIR COUNTERSIGN_HOST
  if [ -d "$dir/files" ]; then
    COUNTERSIGN_FILES=$dir/files
    export COUNTERSIGN_FILES
  fi
  exec $detach sh "$dir/script"
}

# ── over the connection ──

# Makes step number $1 the one that is meant.
turn_to() {
  "step_$1"
  number=$1 dir=$rundir/$key.$attempt
}

# Whether a higher token than this call's was seen; `seen` is it.
overtaken() {
  for seen in "$rundir"/.tokens/*; do
    seen=${seen##*/}
    [ "$seen" -le "$token" ] 2>/dev/null || return 0
  done
  return 1
}

# Makes the run's folder and refuses a token lower than the highest seen. Tokens are names in a folder: adding one can
# never take a higher one away, whatever races.
enter() {
  if [ ! -d "$rundir/.tokens" ]; then
    fresh=yes
    mkdir -p "$rundir/.tokens" "$rundir/.marks" || return 1
  fi
  printf '' >"$rundir/.tokens/$token" || return 1
  if overtaken; then
    rm -f "$rundir/.tokens/$token"
    say overtaken "$seen"
    exit 0
  fi
}

# Removes the journals of runs in which nothing happened for 14 days and nothing lives. What lives on another host with
# this home cannot be seen from here; its journals are left to it, and go after 90 days should it be there no more.
prune() {
  read_boot
  find "$base" -mindepth 1 -maxdepth 1 -type d ! -name sandbox -mtime +14 \
    \( -name "*@$place" -o ! -name '*@*' -o -mtime +90 \) 2>/dev/null | while IFS= read -r old; do
    for dir in "$old"/*.*; do
      if [ ! -s "$dir/status" ] && words_of "$dir/started" && [ "$w1" = "$boot" ]; then
        ! alive "$w2" "$w3" || continue 2
        followed=''
        find_group
        [ -z "$found" ] || continue 2
      fi
    done
    rm -rf "$old"
  done
}

# Claims the attempt, or fails because somebody has or this call was overtaken: each start of a step passes here and
# nowhere else, so that whoever must agree to it can be asked here.
claim() { ! overtaken && mkdir "$dir" 2>/dev/null; }

# Fills the claimed folder. Arguments: name and content of each private file.
fill() {
  printf '' >"$dir/log" && printf '%64s\n' '' >"$dir/status.new" && printf '%s' "$script" >"$dir/script" || return 1
  [ -z "$private" ] || printf '' >"$dir/private" || return 1
  if [ $# -gt 0 ]; then
    mkdir "$dir/files" || return 1
    while [ $# -gt 1 ]; do
      printf '%s' "$2" >"$dir/files/$1" || return 1
      shift 2
    done
  fi
}

# Fills the claimed folder and starts the supervisor.
launch() {
  fill "$@" || return 1
  # With `exec` the shell keeps no copies of the connection's descriptors, which would hold its channel open.
  (
    exec </dev/null >/dev/null 2>&1
    supervise
  ) &
}

# Sleeps for $1 seconds, less where a child ends: the starter hears at once when its supervisor has.
pause() {
  # shellcheck disable=SC2217 # it must not hold the connection's descriptors
  sleep "$1" </dev/null >/dev/null 2>&1 &
  wait "$!"
  [ "$?" -ne 1 ] || sleep 1
}

# Whether the attempt has ended, or will never start; if so, `ended` says how.
look() {
  ended=
  if words_of "$dir/status"; then
    ended="ended $w1 $w2"
    ! words_of "$dir/refused" || ended="ended refused $w1 $w2"
    return 0
  fi
  if ! words_of "$dir/started"; then
    [ "$rounds" -ge 50 ] || return 1
    # Five seconds without a start: whoever claimed it is gone. An empty file is a supervisor that died over it.
    ! decide void || ended=never
    [ -n "$ended" ] || [ -s "$dir/started" ] || ended=lost
    [ -n "$ended" ]
    return
  fi
  if [ "$w1" = void ]; then ended=never; return 0; fi
  if [ "$w1" != "$boot" ]; then ended=lost; return 0; fi
  read_uptime
  elapsed=$((uptime - w4))
  if [ $((rounds % 20)) -eq 0 ]; then say running "$elapsed"; fi
  ! alive "$w2" "$w3" || return 1
  # The supervisor is gone. What it started may live; it is followed until it ends, or is ended at the limit.
  find_group
  if [ -n "$found" ]; then
    [ "$elapsed" -gt "$limit" ] && end_group || return 1
  fi
  [ ! -s "$dir/status" ] || return 1
  ended=lost
}

# Prints what the log has more than was printed.
print_new() {
  [ ! -s "$dir/log" ] || cat <&3 || exit 1
}

# Sends the log from the offset on until the attempt has ended, then says how.
follow() {
  read_boot
  say claimed
  printf '%s\n' "$nonce"
  rounds=0
  while [ ! -e "$dir/log" ]; do
    if look; then say "$ended"; return; fi
    pause 0.1
    rounds=$((rounds + 1))
  done
  exec 3<"$dir/log"
  # Whatever reads descriptor 3 moves the one offset of all, so `cat` goes on where `tail` or the last `cat` ended.
  [ "$offset" -eq 0 ] || tail -c "+$((offset + 1))" <&3 || exit 1
  until look; do
    if [ "$rounds" -lt 50 ]; then pause 0.1; else pause 0.2; fi
    print_new
    rounds=$((rounds + 1))
  done
  print_new
  [ "$ended" != lost ] || forget_files
  say "$ended"
}

# Waits until the next step has begun, or says that it will not: its supervisor is gone or stopped, and left no claim.
await_claim() {
  until [ -e "$dir/started" ]; do
    if [ "$supervisor_boot" != "$boot" ] || ! alive "$supervisor" "$since"; then
      [ ! -d "$dir" ] || return 0
      if overtaken; then say overtaken "$seen"; else say unclaimed; fi
      return 1
    fi
    pause 0.1
  done
}

# Follows the steps of this call one after the other, for as long as each ends well.
follow_all() {
  follow
  while [ "$ended" = 'ended exit 0' ] && [ "$number" -lt "$steps" ]; do
    words_of "$dir/started"
    supervisor_boot=$w1 supervisor=$w2 since=$w3
    turn_to $((number + 1))
    await_claim || return
    follow
  done
}

start() {
  enter || { say cannot "write below $base$(full)"; return; }
  if claim; then
    $is_busybox || trap : CHLD
    if ! launch "$@"; then
      decide void
      forget_files
      say cannot "write in $dir$(full)"
      return
    fi
    if [ -n "$fresh" ]; then prune </dev/null >/dev/null 2>&1 & fi
  elif [ ! -d "$dir" ]; then
    say cannot "make $dir$(full)"
    return
  fi
  follow_all
}

resume() {
  [ -d "$dir" ] || { say absent; return; }
  enter || { say cannot "write below $base$(full)"; return; }
  follow_all
}

# Ends the attempt; one that was never claimed is claimed here, so that it can never start.
end() {
  enter || { say cannot "write below $base$(full)"; return; }
  read_boot
  if mkdir "$dir" 2>/dev/null; then
    decide void
  elif [ ! -d "$dir" ]; then
    say cannot "make $dir$(full)"
    return
  fi
  ticks=0
  until words_of "$dir/started"; do
    if [ "$ticks" -ge 50 ] && ! decide void && [ ! -s "$dir/started" ]; then say ending there; return; fi
    tick
    # Whoever claimed it may have taken that back.
    if [ ! -d "$dir" ] && mkdir "$dir" 2>/dev/null; then decide void; fi
    ticks=$((ticks + 1))
  done
  if [ "$w1" = void ]; then
    put_status 'cancelled never'
    say ending never
    return
  fi
  if [ "$w1" != "$boot" ]; then say ending gone; return; fi
  supervisor=$w2 since=$w3 ticks=0
  # Asked again each second, since a signal just before `wait` begins can be lost.
  while [ ! -s "$dir/status" ] && alive "$supervisor" "$since" && [ "$ticks" -lt 150 ]; do
    [ $((ticks % 10)) -ne 0 ] || kill -s TERM "$supervisor" 2>/dev/null
    tick
    ticks=$((ticks + 1))
  done
  if words_of "$dir/status"; then
    if [ "$w1" = exit ] || [ "$w2" = gone ]; then say ending gone; return; fi
  fi
  if end_group; then
    forget_files
    say ending gone
  else
    say ending there
  fi
}

# Keeps this program for the next call, where the bot has sent it. Where it cannot be kept it is sent each time.
keep() {
  kept=$base/runner-$version
  whole=$base/.runner-$nonce
  if ! { mkdir -p "$base" && chmod 700 "$base" && printf '%s' "$program" >"$whole" && mv -f "$whole" "$kept"; }; then
    rm -f "$whole"
  fi
  # Whoever still uses one that is removed here sends it again.
  find "$base" -maxdepth 1 -type f -name '*runner-*' ! -name "runner-$version" -mtime +90 -exec rm -f {} +
}

main() {
  say hello
  base=${XDG_STATE_HOME:-${HOME:?}/.local/state}/countersign
  rundir=$base/$folder
  turn_to 1
  fresh='' spared='' followed=''
  umask 077
  [ -z "$program" ] || keep </dev/null >/dev/null 2>&1
  program=
  "$@"
}
