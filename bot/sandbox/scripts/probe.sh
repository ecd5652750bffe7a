# shellcheck shell=sh disable=SC2154,SC2034 # set and used by the scripts that are put around it at run time
# Says what this host can do, by trying; for POSIX sh. Prints lines KEY<TAB>VALUE; nothing is left behind.

fact() { printf '%s\t%s\n' "$1" "$(printf '%s' "$2" | tr '\t\n' '  ' | head -c 300)"; }

umask 077
find_place
sandbox_uid=$(spare_uid)
identify
fact uid "$(id -u)"
# shellcheck disable=SC1091
(. /etc/os-release 2>/dev/null && fact distribution "${ID:-} ${VERSION_ID:-}" && fact like "${ID_LIKE:-}")
for tool in bwrap setpriv prlimit flock ip awk nice; do
  command -v "$tool" >/dev/null 2>&1 || fact missing "$tool"
done
for switch in kernel/unprivileged_userns_clone kernel/apparmor_restrict_unprivileged_userns user/max_user_namespaces; do
  [ ! -r "/proc/sys/$switch" ] || fact "$(printf '%s' "$switch" | tr / .)" "$(cat "/proc/sys/$switch")"
done
for program in $sandbox_programs; do
  [ -x "$program" ] || continue
  version=$("$program" --no-defaults --version 2>/dev/null | head -n 1 | tr '\t' ' ')
  printf 'program\t%s\t%s\n' "$program" "$version"
done
fact memory "$(available_kib)"
existing=$place
while [ ! -d "$existing" ]; do existing=$(dirname "$existing"); done
fact disk "$(free_kib "$existing")"
fact inodes "$(free_inodes "$existing")"
[ -w "$existing" ] || fact unwritable "$existing"

# The boxes themselves, as they will be made.
if command -v bwrap >/dev/null 2>&1; then
  box=$(mktemp -d) || exit 1
  trap 'rm -rf "$box"' EXIT
  if said=$( (private_network true) 2>&1 </dev/null); then
    fact network yes
    mkdir "$box/work" "$box/tmp" "$box/shm" "$box/commands" "$box/run" "$box/outside"
    : >"$box/sockets"
    : >"$box/read-only"
    : >"$box/environment"
    printf 'echo confined\n' >"$box/commands/try"
    etc_files
    chmod 755 "$box/commands" "$box/outside"
    chmod 644 "$box/commands/try"
    {
      printf '%s\n' "$sandbox_confine" "box=$box outside=$box/outside sandbox_uid=$sandbox_uid" identify
      printf 'sandbox_processes=%s sandbox_memory=1048576 sandbox_file=1024 sandbox_at=/work\n' "$((200 + $(own_threads)))"
      # shellcheck disable=SC2016 # for the shell in the network
      printf '%s\n' 'if [ "$1" = code ]; then code_box try; fi' 'ip addr add 192.0.2.1/32 dev lo && echo addressed' \
        'exec $without_capabilities sh "$box/try.sh" code'
    } >"$box/try.sh"
    said=$( (private_network sh "$box/try.sh" addresses) 2>&1 </dev/null)
    case $said in *addressed*) fact addresses yes ;; esac
    case $said in *confined) fact confined yes ;; *) fact confined "no: $said" ;; esac
  else
    fact network "no: $said"
  fi
fi
fact end yes
