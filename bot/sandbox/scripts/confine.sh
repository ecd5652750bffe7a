# shellcheck shell=sh disable=SC2154,SC2034 # set and used by the scripts that are put around it at run time
# The confined processes of a sandbox, for POSIX sh. Everything that is started for a sandbox is started by these
# functions and by nothing else.
#
#   private_network   a network with nothing but its own loopback, and a process namespace that dies with its starter
#   server_box        the private database server, inside that network
#   relay_box         in its place, what leads to a server elsewhere by the socket in the folder `run`
#   relay_outside     the other end of that socket, in the host's own network; it dies with its starter too
#   code_box          code of a commit, inside that network
#
# As an ordinary account every box is a user namespace of its own, in which the account is the only user. As uid 0 no
# user namespace is needed, and code runs as $sandbox_uid, an id that nobody has: the kernel limits the number of
# processes of an id, but never those of uid 0.

sandbox_path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

# Sets how boxes are made by this account.
identify() {
  if [ "$(id -u)" = 0 ]; then
    user_namespace=
    inner_capabilities='--cap-drop ALL --cap-add CAP_SETUID --cap-add CAP_SETGID --cap-add CAP_SETPCAP'
    become="setpriv --reuid $sandbox_uid --regid $sandbox_uid --clear-groups --inh-caps=-all --bounding-set=-all --no-new-privs --"
    without_capabilities=
  else
    sandbox_uid=$(id -u)
    user_namespace=--unshare-user
    inner_capabilities='--cap-drop ALL'
    become=
    # In a namespace of its own, code could mount folders that lie in memory. Older bubblewraps cannot forbid it.
    case $(bwrap --help 2>&1) in *--disable-userns*) inner_capabilities="$inner_capabilities --disable-userns" ;; esac
    # bubblewrap refuses to nest while it holds capabilities.
    without_capabilities='setpriv --ambient-caps=-all --inh-caps=-all --'
  fi
}

# spare_uid: print an id that belongs to nobody. The range is free in systemd's own table of ids; containers that map
# fewer ids get one that Debian reserves.
spare_uid() {
  spare=$((1879048192 + $$))
  awk -v id="$spare" '$1 <= id && id < $1 + $3 { found = 1 } END { exit !found }' /proc/self/uid_map ||
    spare=$((65000 + $$ % 500))
  printf '%s\n' "$spare"
}

# private_network COMMAND…: CAP_NET_ADMIN is for further addresses on the loopback; `serve` gives it up.
# shellcheck disable=SC2086 # options are words
private_network() {
  exec bwrap $user_namespace --unshare-net --unshare-pid --unshare-ipc --die-with-parent --cap-add CAP_NET_ADMIN \
    --dev-bind / / --proc /proc "$@"
}

# parents PATH: set `parents` to options that make the folders above it; those that bubblewrap makes by itself are closed
# to all but their owner
parents() {
  parents=
  above=
  rest=${1#/}
  while [ "$rest" != "${rest#*/}" ]; do
    above=$above/${rest%%/*}
    rest=${rest#*/}
    parents="$parents --dir $above"
  done
}

# without_links PATH: remove links on the way to a mount in folders that code of the commit writes to, as an earlier command
# may have put them there: bubblewrap would follow them, out of the box. Nothing of the commit runs meanwhile.
without_links() {
  case $1 in
    "$sandbox_at"/*) way=$box/work left=${1#"$sandbox_at"/} ;;
    /tmp/*) way=$box/tmp left=${1#/tmp/} ;;
    /dev/shm/*) way=$box/shm left=${1#/dev/shm/} ;;
    *) return 0 ;;
  esac
  while :; do
    way=$way/${left%%/*}
    if [ -L "$way" ]; then rm -f -- "$way" || exit 125; fi
    [ "$left" != "${left#*/}" ] || break
    left=${left#*/}
  done
}

# link TO PATH: set `link` to options that make a link, where it is not there already; older bubblewraps fail then
link() {
  link=
  [ -n "$outside" ] && [ -L "$outside$2" ] || link="--symlink $1 $2"
}

# confined OPTION…: what both boxes see of the system. Read-only, by name: programs and libraries, and of /etc what they
# need to find each other, the time and certificates. Of PHP's configuration only what its command line reads: pools of
# php-fpm may hold secrets. $outside is the folder that is their root; empty for one that cannot be written to.
confined() {
  for folder in bin sbin lib lib32 lib64 libx32; do
    if [ -L "/$folder" ]; then
      link "$(readlink "/$folder")" "/$folder"
      # shellcheck disable=SC2086 # options are words
      set -- $link "$@"
    elif [ -d "/$folder" ]; then
      set -- --ro-bind "/$folder" "/$folder" "$@"
    fi
  done
  for file in /etc/alternatives /etc/ld.so.cache /etc/ld.so.conf /etc/ld.so.conf.d /etc/localtime /etc/timezone \
    /etc/ssl/certs /etc/ssl/openssl.cnf /etc/pki/tls/certs /etc/pki/tls/openssl.cnf /etc/pki/ca-trust/extracted \
    /etc/crypto-policies /etc/mime.types /etc/services /etc/protocols /etc/php.ini /etc/php.d /etc/php/*/cli \
    /etc/php/*/mods-available /etc/opt/remi/*/php.ini /etc/opt/remi/*/php.d /opt/remi /etc/python3 /etc/python3.*; do
    if [ -e "$file" ]; then
      parents "$file"
      # shellcheck disable=SC2086 # options are words
      set -- $parents --ro-bind "$file" "$file" "$@"
    fi
  done
  link ../run /var/run
  links=$link
  link ../tmp /var/tmp
  umask 022
  # shellcheck disable=SC2086 # options are words
  exec env -i PATH="$sandbox_path" ${box_zone:+"TZ=$box_zone"} HOME=/tmp TMPDIR=/tmp USER=sandbox LOGNAME=sandbox LANG=C.UTF-8 \
    TERM=dumb SHELL=/bin/sh nice -n 10 bwrap $user_namespace $box_capabilities \
    --unshare-pid --unshare-ipc --unshare-uts --unshare-cgroup-try --hostname sandbox --die-with-parent --new-session \
    ${outside:+--bind "$outside" /} --ro-bind /usr /usr --proc /proc --dev /dev --dir /etc --dir /run --dir /var $links $link \
    --ro-bind "$box/etc/hosts" /etc/hosts --ro-bind "$box/etc/empty" /etc/resolv.conf \
    --ro-bind "$box/etc/passwd" /etc/passwd --ro-bind "$box/etc/group" /etc/group \
    --ro-bind "$box/etc/nsswitch.conf" /etc/nsswitch.conf "$@"
}

# server_box COMMAND…: it alone sees the server's folder. The program lies where no AppArmor profile looks for it.
server_box() {
  outside=
  box_zone=$sandbox_zone
  box_capabilities='--cap-drop ALL'
  confined --bind "$box/server" /sandbox/server --bind "$box/run" /sandbox/run --ro-bind "$sandbox_program" /sandbox/program \
    --bind "$box/server/tmp" /tmp --remount-ro /dev --remount-ro / --chdir / -- "$@"
}

# relay_box OPTION…: as `relay.pl` takes them
relay_box() {
  outside=
  box_zone=
  box_capabilities='--cap-drop ALL'
  confined --ro-bind "$box/run" /sandbox/run --remount-ro /dev --remount-ro / --chdir / -- perl -e "$sandbox_relay" "$@"
}

# relay_outside OPTION…: it runs nothing of the commit, and needs the host's files to find other hosts
# shellcheck disable=SC2086 # options are words
relay_outside() {
  exec bwrap $user_namespace --unshare-pid --unshare-ipc --die-with-parent --dev-bind / / --proc /proc \
    perl -e "$sandbox_relay" "$@"
}

# code_box FILE: run a file of the folder `commands` in the copy of the application, with $outside as its root. What can be
# written to lies in the sandbox's folder, so that one limit holds for all of it. The socket is a read-only mount.
code_box() {
  box_zone=
  box_capabilities=$inner_capabilities
  # shellcheck disable=SC2086 # words
  set -- -- $become prlimit "--nproc=$sandbox_processes" "--as=$((sandbox_memory * 1024))" \
    "--fsize=$((sandbox_file * 1024))" --nofile=1024 --core=0 --memlock=65536 --msgqueue=0 -- sh "/sandbox/commands/$1"
  set -- --remount-ro /dev "$@"
  while IFS= read -r one; do
    [ -S "$box/run/s" ] || break
    without_links "$one"
    parents "$one"
    # shellcheck disable=SC2086 # options are words
    set -- $parents --ro-bind "$box/run/s" "$one" "$@"
  done <"$box/sockets"
  while IFS= read -r one; do
    without_links "$one"
    parents "$one"
    # shellcheck disable=SC2086 # options are words
    set -- $parents --ro-bind "$one" "$one" "$@"
  done <"$box/read-only"
  without_links "$sandbox_at"
  parents "$sandbox_at"
  # shellcheck disable=SC2086 # options are words
  confined --bind "$box/tmp" /tmp --bind "$box/shm" /dev/shm --dir /sandbox --ro-bind "$box/commands" /sandbox/commands \
    --ro-bind "$box/environment" /sandbox/environment $parents --bind "$box/work" "$sandbox_at" "$@"
}

# etc_files: what every box gets in place of the host's own files of these names
etc_files() {
  mkdir "$box/etc" &&
    printf '127.0.0.1 localhost sandbox\n::1 localhost\n' >"$box/etc/hosts" &&
    : >"$box/etc/empty" &&
    printf 'sandbox:x:%s:%s::/tmp:/bin/sh\n' "$sandbox_uid" "$sandbox_uid" >"$box/etc/passwd" &&
    printf 'sandbox:x:%s:\n' "$sandbox_uid" >"$box/etc/group" &&
    printf 'passwd: files\ngroup: files\nhosts: files\nservices: files\nprotocols: files\n' >"$box/etc/nsswitch.conf" &&
    chmod 755 "$box/etc" && chmod 644 "$box"/etc/*
}
