# The journal of detached steps, for any POSIX sh (tried with dash, busybox and bash).
#
# Sent over the connection and evaluated on the host; `bot/hosts/journal.py` writes the call and reads the answer.
# Standard output carries the bytes of the step's log and nothing else, after one line with the nonce; standard error
# carries lines that begin with the nonce. So no output of a step can be taken for an answer.
#
# One attempt of one step lies in RUN/KEY.ATTEMPT/ below ${XDG_STATE_HOME:-$HOME/.local/state}/countersign:
#   (the folder)  the claim, made by mkdir: of any number of starters one goes on
#   script        what runs, by `sh script`
#   files/        private files of the step, removed when it ends
#   started       `BOOT PID START UPTIME` of the supervisor, made by link(2) and synced before the command starts;
#                 or `void`: somebody decided that it will never start. link(2) lets one of the two happen.
#   group         `PID START SESSION` of the command, written by itself before it becomes the script
#   refused       why the script was not run: `directory`, `checkout` or `moved COMMIT`
#   log           standard output and error of the script
#   status        `exit N`, `timed-out gone|there` or `cancelled gone|there|never`; synced, then renamed
# Beside them RUN/.tokens/N (every token seen), RUN/.marks/ ($COUNTERSIGN_RUN_DIR) and RUN/.runner-VERSION (this text).
#
# The lock on an attempt is the supervisor itself: boot id, process id and start time name one process for ever, no
# child inherits that, and it is free as soon as the process is gone.
#
# Without `setsid` the command stays in the session of the connection (sshd gives each its own); that session is then
# what is ended. Without /proc only process groups can be seen, and start times are not compared.

say() { printf '%s %s\n' "$nonce" "$*" >&2 || exit 1; }

# ── processes ──

read_boot() {
  boot=-
  [ ! -r /proc/sys/kernel/random/boot_id ] || read -r boot </proc/sys/kernel/random/boot_id
}

read_uptime() {
  uptime=
  [ ! -r /proc/uptime ] || read -r uptime _ </proc/uptime
  uptime=${uptime%%.*}
  [ -n "$uptime" ] || uptime=$(date +%s)
}

# Sets `state`, `session` and `start` of process $1; fails where there is none.
stat_of() {
  state=- session=- start=-
  if [ ! -r /proc/self/stat ]; then
    kill -0 "$1" 2>/dev/null
    return
  fi
  stat_text=
  # A program's name may hold blanks, brackets and even line ends; the fields follow the last bracket.
  while IFS= read -r stat_line || [ -n "$stat_line" ]; do
    stat_text="$stat_text$stat_line "
  done 2>/dev/null <"/proc/$1/stat"
  [ -n "$stat_text" ] || return 1
  set -- ${stat_text##*) }
  state=$1 session=$4 start=${20}
}

# Whether process $1 that started at $2 lives.
alive() {
  stat_of "$1" && [ "$start" = "$2" ] && [ "$state" != Z ] && [ "$state" != X ]
}

# Sets `found` to the living processes of session $1, without those named in `spared`.
members() {
  found=
  if [ ! -r /proc/self/stat ]; then
    ! kill -0 -- "-$1" 2>/dev/null || found=-$1
    return
  fi
  for entry in /proc/[0-9]*; do
    one=${entry#/proc/}
    stat_of "$one" && [ "$session" = "$1" ] && [ "$state" != Z ] && [ "$state" != X ] || continue
    case " $spared " in *" $one "*) continue ;; esac
    found="$found $one"
  done
}

send() {
  for one in $found; do kill -s "$1" -- "$one" 2>/dev/null; done
}

tick() { sleep 0.1 2>/dev/null || sleep 1; }

# TERM, five seconds of grace, KILL; succeeds only when nothing of session $1 lives.
end_session() {
  members "$1"
  [ -n "$found" ] || return 0
  send TERM
  ticks=0
  while [ "$ticks" -lt 50 ]; do
    tick
    members "$1"
    [ -n "$found" ] || return 0
    ticks=$((ticks + 1))
  done
  while [ "$ticks" -lt 100 ]; do
    send KILL
    tick
    members "$1"
    [ -n "$found" ] || return 0
    ticks=$((ticks + 1))
  done
  return 1
}

# ── files ──

# Writes text $2 to file $1 so that a reader sees all or nothing, also after a power cut. `status.new` exists
# beforehand with room for the text, so that a full disk does not lose the exit status.
put() {
  printf '%s\n' "$2" | dd of="$1.new" conv=notrunc,fsync 2>/dev/null ||
    printf '%s\n' "$2" >"$1.new" || return 1
  mv -f "$1.new" "$1"
}

# Sets the first words of file $1 as `w1`…`w4`; fails where it is missing or empty.
words_of() {
  w1= w2= w3= w4=
  [ -s "$1" ] && read -r w1 w2 w3 w4 <"$1"
}

# Decides that the attempt never starts, unless it has: whoever links `started` first is right.
void() {
  printf 'void\n' >"$dir/void.$$" 2>/dev/null
  ln "$dir/void.$$" "$dir/started" 2>/dev/null
}

forget_files() {
  [ ! -d "$dir/files" ] || rm -rf "$dir/files"
  [ ! -e "$dir/private" ] || rm -f "$dir/script"
}

# ── on the host, detached ──

# Started with: folder, runner, time limit, umask, directory, commit, run, marks. Runs the job and records how it ended.
supervise() {
  dir=$1 limit=$3 why= child= timer=
  trap 'why=cancelled' TERM
  trap 'why=timed-out' ALRM
  trap : HUP INT
  read_boot
  read_uptime
  stat_of "$$"
  mine=$start
  put "$dir/begin" "$boot $$ $mine $uptime" && ln "$dir/begin" "$dir/started" 2>/dev/null || exit 0
  detach=
  ! command -v setsid >/dev/null 2>&1 || detach=setsid
  $detach sh "$2" job "$@" &
  child=$!
  # The timer asks again and again, since a signal just before `wait` begins would be lost. Should the supervisor
  # have been killed, the timer itself holds to the limit.
  (
    trap 'kill "$nap" 2>/dev/null; exit' TERM
    sleep "$limit" &
    nap=$!
    wait "$nap"
    while alive "$$" "$mine"; do
      kill -s ALRM "$$"
      sleep 1
    done
    spared=
    ! words_of "$dir/group" || [ -s "$dir/status" ] || end_group
  ) &
  timer=$!
  while :; do
    wait "$child"
    code=$?
    # `wait` ends early for every signal that is trapped; the command has ended only when it can no longer be seen.
    [ -z "$why" ] && [ "$code" -gt 128 ] && kill -0 "$child" 2>/dev/null || break
  done
  if [ -n "$why" ] && [ "$code" -gt 128 ]; then
    # The command writes its own group; it may not have come to that yet.
    ticks=0
    until words_of "$dir/group" || [ "$ticks" -ge 50 ]; do
      kill -0 "$child" 2>/dev/null || break
      tick
      ticks=$((ticks + 1))
    done
    spared="$$ $timer"
    kill "$timer" 2>/dev/null
    if end_session "${w3:-$child}"; then result="$why gone"; else result="$why there"; fi
  else
    kill "$timer" 2>/dev/null
    result="exit $code"
  fi
  forget_files
  tries=0
  until put "$dir/status" "$result" || [ "$tries" -ge 3600 ]; do
    sleep 1
    tries=$((tries + 1))
  done
}

# Becomes the script, once its directory and commit are as they must be.
job() {
  dir=$1
  stat_of "$$"
  printf '%s %s %s\n' "$$" "$start" "$session" >"$dir/group"
  exec >>"$dir/log" 2>&1 </dev/null
  cd -- "$5" || { printf 'directory\n' >"$dir/refused"; exit 1; }
  if [ -n "$6" ]; then
    at=$(GIT_OPTIONAL_LOCKS=0 git rev-parse --verify HEAD) || { printf 'checkout\n' >"$dir/refused"; exit 1; }
    [ "$at" = "$6" ] || { printf 'moved %s\n' "$at" >"$dir/refused"; exit 1; }
  fi
  umask "$4"
  COUNTERSIGN_RUN=$7 COUNTERSIGN_RUN_DIR=$8
  export COUNTERSIGN_RUN COUNTERSIGN_RUN_DIR
  if [ -d "$dir/files" ]; then
    COUNTERSIGN_FILES=$dir/files
    export COUNTERSIGN_FILES
  fi
  exec sh "$dir/script"
}

# Ends what the attempt's command left, after its supervisor is gone. Words of `group` are in w1…w3.
end_group() {
  # Another process with the same id: the kernel gave the id away, so nothing of the session is left.
  if stat_of "$w1" && [ "$start" != "$w2" ]; then return 0; fi
  end_session "$w3"
}

# Whether anything of the attempt's command lives.
group_lives() {
  words_of "$dir/group" || return 1
  if stat_of "$w1" && [ "$start" != "$w2" ]; then return 1; fi
  members "$w3"
  [ -n "$found" ]
}

# ── over the connection ──

# Makes the run's folder and refuses a token lower than the highest seen. Tokens are names in a folder: adding one can
# never take a higher one away, whatever races.
enter() {
  if [ ! -d "$rundir/.tokens" ]; then
    fresh=yes
    mkdir -p "$rundir/.tokens" "$rundir/.marks" || return 1
  fi
  if [ ! -e "$rundir/.runner-$version" ]; then
    printf '%s' "$source" >"$rundir/.runner.$$" && mv -f "$rundir/.runner.$$" "$rundir/.runner-$version" || return 1
  fi
  printf '' >"$rundir/.tokens/$token" || return 1
  for seen in "$rundir"/.tokens/*; do
    seen=${seen##*/}
    if [ "$seen" -gt "$token" ]; then
      rm -f "$rundir/.tokens/$token"
      say overtaken "$seen"
      exit 0
    fi
  done
}

# Removes the journals of runs of which nothing happened for 14 days and nothing lives.
prune() {
  read_boot
  find "$base" -mindepth 1 -maxdepth 1 -type d -mtime +14 2>/dev/null | while IFS= read -r old; do
    for dir in "$old"/*.*; do
      if [ ! -s "$dir/status" ] && words_of "$dir/started"; then
        ! alive "$w2" "$w3" || continue 2
        [ "$w1" != "$boot" ] || ! group_lives || continue 2
      fi
    done
    rm -rf "$old"
  done
}

# Fills the claimed folder and starts the supervisor. Arguments: name and content of each private file.
launch() {
  printf '' >"$dir/log" && printf '%64s\n' '' >"$dir/status.new" && printf '%s' "$script" >"$dir/script" || return 1
  [ -z "$private" ] || printf '' >"$dir/private" || return 1
  if [ $# -gt 0 ]; then
    mkdir "$dir/files" || return 1
    while [ $# -gt 1 ]; do
      printf '%s' "$2" >"$dir/files/$1" || return 1
      shift 2
    done
  fi
  detach=
  ! command -v setsid >/dev/null 2>&1 || detach=setsid
  runner=$rundir/.runner-$version
  $detach sh "$runner" supervise "$dir" "$runner" "$limit" "$mask" "$directory" "$expects" "$run" "$rundir/.marks" \
    </dev/null >/dev/null 2>&1 &
}

# Sleeps for $1 seconds, less where a child ends: the starter hears at once when its supervisor has.
pause() {
  sleep "$1" </dev/null >/dev/null 2>&1 &
  wait "$!"
  [ "$?" -ne 1 ] || sleep 1
}

# Sends the log from the offset on until the attempt has ended, then says how.
follow() {
  read_boot
  say claimed
  printf '%s\n' "$nonce"
  rounds=0 told=
  until [ -e "$dir/log" ] || [ "$rounds" -ge 50 ]; do
    pause 0.1
    rounds=$((rounds + 1))
  done
  [ -e "$dir/log" ] || { void; say never; return; }
  exec 3<"$dir/log"
  # Whatever reads descriptor 3 moves the one offset of all, so `cat` goes on where `tail` or the last `cat` ended.
  [ "$offset" -eq 0 ] || tail -c "+$((offset + 1))" <&3 || exit 1
  rounds=0
  while :; do
    cat <&3 || exit 1
    [ ! -s "$dir/status" ] || break
    if words_of "$dir/started"; then
      [ "$w1" != void ] || { say never; return; }
      if [ "$w1" != "$boot" ]; then forget_files; say lost; return; fi
      read_uptime
      elapsed=$((uptime - w4))
      if [ -z "$told" ] || [ $((rounds % 20)) -eq 0 ]; then told=yes; say running "$elapsed"; fi
      if ! alive "$w2" "$w3" && [ ! -s "$dir/status" ]; then
        if ! group_lives || { [ "$elapsed" -gt "$limit" ] && end_group; }; then
          [ ! -s "$dir/status" ] || continue
          forget_files
          cat <&3 || exit 1
          say lost
          return
        fi
      fi
    elif [ "$rounds" -ge 50 ]; then
      void
    fi
    rounds=$((rounds + 1))
    if [ "$rounds" -lt 50 ]; then pause 0.1; else pause 0.2; fi
  done
  cat <&3 || exit 1
  read -r ended <"$dir/status"
  ! words_of "$dir/refused" || ended="refused $w1 $w2"
  say ended "$ended"
}

start() {
  enter || { say cannot "write below $base"; return; }
  if mkdir "$dir" 2>/dev/null; then
    trap : CHLD
    if ! launch "$@"; then
      void
      forget_files
      say cannot "write in $dir"
      return
    fi
    [ -z "$fresh" ] || prune </dev/null >/dev/null 2>&1 &
  elif [ ! -d "$dir" ]; then
    say cannot "make $dir"
    return
  fi
  follow
}

resume() {
  [ -d "$dir" ] || { say absent; return; }
  enter || { say cannot "write below $base"; return; }
  follow
}

# Ends the attempt; one that was never claimed is claimed here, so that it can never start.
end() {
  enter || { say cannot "write below $base"; return; }
  read_boot
  if mkdir "$dir" 2>/dev/null; then
    void
  elif [ ! -d "$dir" ]; then
    say cannot "make $dir"
    return
  fi
  ticks=0
  until words_of "$dir/started"; do
    [ "$ticks" -lt 50 ] || void
    tick
    ticks=$((ticks + 1))
  done
  if [ "$w1" = void ]; then
    put "$dir/status" 'cancelled never'
    say ending never
    return
  fi
  spared=
  if [ "$w1" != "$boot" ]; then say ending gone; return; fi
  supervisor=$w2 since=$w3 ticks=0
  # Asked again each second, since a signal just before `wait` begins would be lost.
  while [ ! -s "$dir/status" ] && alive "$supervisor" "$since" && [ "$ticks" -lt 150 ]; do
    [ $((ticks % 10)) -ne 0 ] || kill -s TERM "$supervisor" 2>/dev/null
    tick
    ticks=$((ticks + 1))
  done
  if [ -s "$dir/status" ]; then
    words_of "$dir/status"
    if [ "$w1" = exit ] || [ "$w2" = gone ]; then say ending gone; return; fi
  fi
  if ! words_of "$dir/group" || end_group; then
    forget_files
    say ending gone
  else
    say ending there
  fi
}

main() {
  say hello
  base=${XDG_STATE_HOME:-${HOME:?}/.local/state}/countersign
  rundir=$base/$run dir=$base/$run/$key.$attempt
  fresh= spared=
  mask=$(umask)
  umask 077
  "$@"
}

case ${1-} in
supervise | job) "$@" ;;
esac
