# shellcheck shell=sh disable=SC2154,SC2034 # set and used by the scripts that are put around it at run time
# What code finds outside of its application's folder, for POSIX sh: folders and decoys in a private folder, which is the
# root of its box. It may write there as it might on the host; what was written and which decoys were read is seen
# afterwards, by the times that the kernel keeps of each file. Each command has a folder of its own, so that none finds
# what another one made, and no link of the commit leads who makes the next box elsewhere.
#
#   $box/outside/first   as each command finds it, with the places of all mounts
#   $box/outside/N       of the command of this number
#   $box/known           its paths: nobody but us has named them
#   $box/decoys          those of them that no code of an application has a reason to read
#   $box/unseen          `reads` and `writes` where this host does not show them

outside_number=0

outside_folders='/etc/cron.d /etc/cron.daily /etc/profile.d /etc/sudoers.d /etc/systemd/system /home /mnt /opt /root /run /srv
  /var/backups /var/lib/mysql /var/log /var/spool/cron/crontabs /var/www'
outside_of_etc='shadow gshadow sudoers crontab mysql/debian.cnf ssh/ssh_host_rsa_key ssh/ssh_host_ed25519_key'
outside_of_home='.ssh/id_rsa .ssh/id_ed25519 .ssh/authorized_keys .ssh/config .my.cnf .mylogin.cnf .netrc .pgpass .env .bashrc
  .bash_history .profile .git-credentials .gitconfig .npmrc .aws/credentials .docker/config.json .kube/config
  .composer/auth.json .config/composer/auth.json'

# elsewhere PATH: whether it is a plain path at which the box has nothing else
elsewhere() {
  case $1 in
    */../* | */./* | *//* | *[!A-Za-z0-9_@%+,./-]* | */) return 1 ;;
    "$sandbox_at" | "$sandbox_at"/* | /tmp/* | /dev/* | /proc/* | /sys/* | /usr/* | /sandbox/* | /bin/* | /sbin/* | /lib*) return 1 ;;
    /*) ;;
    *) return 1 ;;
  esac
}

# decoys FOLDER NAME…: put files there
decoys() {
  outside_at=$1
  shift
  for one in "$@"; do
    elsewhere "$outside_at/$one" || continue
    mkdir -p -- "$outside$outside_at/${one%"${one##*/}"}" && printf 'sandbox\n' >"$outside$outside_at/$one" &&
      printf '.%s\n' "$outside_at/$one" >>"$box/decoys"
  done
}

# neighbours: the folders beside the live one have their names, and nothing else
neighbours() {
  outside_beside=${sandbox_at%/*}
  [ -n "$outside_beside" ] || return 0
  find "$outside_beside" -mindepth 1 -maxdepth 1 -type d 2>/dev/null | grep -v -x -F -e "$sandbox_at" | head -n 50 |
    while IFS= read -r one; do decoys "$one" .env; done
}

# outside_first: make the folder that each command's is a copy of
outside_first() {
  outside=$box/outside/first
  # Who changes its id in the box passes its root before.
  mkdir "$box/outside" "$outside" && chmod 755 "$outside" || return 1
  : >"$box/decoys"
  # shellcheck disable=SC2086 # words
  (
    umask 022
    cd "$outside" || exit 1
    for one in $outside_folders; do mkdir -p "./$one"; done
    decoys /etc $outside_of_etc
    for one in /root "$sandbox_home"; do decoys "$one" $outside_of_home; done
    neighbours
  )
  sort -u -o "$box/decoys" "$box/decoys"
  printf 'cat /etc/shadow >/dev/null\n' >"$box/commands/.first"
  chmod 644 "$box/commands/.first"
  forgotten
  # What it mounts stays as empty folders and files; and it shows what this host shows.
  (code_box .first) </dev/null >/dev/null 2>&1
  [ -n "$(found -anewer -path ./etc/shadow)" ] || echo reads >>"$box/unseen"
  [ -n "$(found -cnewer -path ./etc)" ] || echo writes >>"$box/unseen"
  if [ "$(id -u)" = 0 ]; then chown -R -h "$sandbox_uid:$sandbox_uid" "$outside"; fi
  (cd "$outside" && find .) >"$box/known"
}

# forgotten: no decoy was ever read, and what happens from now on is later than `since`
forgotten() {
  # A time before that of the last change: else the kernel may not note when it is read.
  (cd "$outside" && xargs touch -c -a -t 200001010000 <"$box/decoys") 2>/dev/null
  : >"$box/since"
  sleep 0.02 2>/dev/null || sleep 1
}

# found TEST OPTION…: print what passes a test against `since`
found() {
  outside_test=$1
  shift
  (cd "$outside" && find . "$outside_test" "$box/since" "$@" -print) 2>/dev/null
}

# outside_again: make the folder of the next command
outside_again() {
  [ -e "$box/known" ] || outside_first
  outside_number=$((outside_number + 1))
  outside=$box/outside/$outside_number
  cp -a -- "$box/outside/first" "$outside"
  forgotten
}

# outside_seen NAME: note which decoys were read, and where something was written; only names that we gave are told
outside_seen() {
  {
    found -anewer -type f | among "$box/decoys" 'read '
    found -cnewer | among "$box/known" 'wrote '
  } | head -n 20 >"$box/seen/$1"
  rm -rf -- "$outside" 2>/dev/null
}

# among FILE WORD: print the paths of standard input that a file lists, once and behind a word
among() {
  awk -v word="$2" 'FILENAME != "-" { known[$0]; next }
    $0 in known { delete known[$0]; print word ($0 == "." ? "/" : substr($0, 2)) }' "$1" -
}
