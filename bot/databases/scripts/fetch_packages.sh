# shellcheck shell=sh disable=SC2154 # set by what is put before it at run time
# Downloads packages into a cache, in the copy of a commit's files, for POSIX sh. sandboxed/packages_script.py writes before it:
#
#   lock       the lock file: what may be downloaded
#   manifest   the composer.json beside it
#   hosts      names of hosts, a line each, for which the account's credentials may be used
#   live       path of the live checkout
#   cache      name of the folder for what is downloaded
#
# Nothing is unpacked, and nothing of the commit is read or run. Composer sees neither the application's secrets nor the
# account's settings, but its credentials for the hosts above.

umask 077
work=$PWD
command -v composer >/dev/null || { echo 'composer is not installed'; exit 1; }
rm -rf -- "${work:?}/$cache" || exit 1
mkdir -- "$work/$cache" || exit 1
apart=$(mktemp -d "$work/.countersign-packages.XXXXXX") || exit 1
trap 'rm -rf -- "$apart"' 0
trap 'exit 1' 1 2 15
mkdir "$apart/home" || exit 1
printf '%s\n' "$lock" >"$apart/composer.lock"
printf '%s\n' "$manifest" >"$apart/composer.json"

# credentials FILE…: print those for the hosts, of auth.json files; one that comes later adds to one before
credentials() {
  # shellcheck disable=SC2016 # variables of PHP
  php -r '
    $hosts = array_flip(array_filter(explode("\n", $argv[1])));
    $found = [];
    foreach (array_slice($argv, 2) as $file) {
        $read = is_file($file) ? json_decode((string) file_get_contents($file), true) : null;
        foreach (is_array($read) ? $read : [] as $kind => $entries) {
            foreach (is_array($entries) ? array_intersect_key($entries, $hosts) : [] as $host => $value) {
                $found[$kind][$host] = $value;
            }
        }
    }
    echo json_encode((object) $found);
  ' -- "$hosts" "$@"
}

credentials "$HOME/.composer/auth.json" "${XDG_CONFIG_HOME:-$HOME/.config}/composer/auth.json" \
  "${COMPOSER_HOME:-$HOME/.composer}/auth.json" "$live/auth.json" >"$apart/home/auth.json" || exit 1

# Proxies, certificates and the agent of SSH are the way out of the host.
set --
for name in http_proxy https_proxy HTTP_PROXY HTTPS_PROXY no_proxy NO_PROXY SSL_CERT_FILE SSL_CERT_DIR SSH_AUTH_SOCK; do
  eval "value=\${$name-}"
  [ -z "$value" ] || set -- "$@" "$name=$value"
done

cd "$apart" || exit 1
ulimit -f 4194304 2>/dev/null # blocks of 512 bytes: no file of more than 2 GiB
env -i PATH="$PATH" HOME="$HOME" LANG=C "$@" \
  COMPOSER_HOME="$apart/home" COMPOSER_CACHE_DIR="$work/$cache" COMPOSER_ALLOW_SUPERUSER=1 COMPOSER_NO_INTERACTION=1 \
  GIT_TERMINAL_PROMPT=0 GIT_ALLOW_PROTOCOL=https:ssh GIT_SSH_COMMAND='ssh -o BatchMode=yes' \
  composer install --download-only --no-dev --no-scripts --no-plugins --no-interaction --no-progress --no-autoloader \
  --ignore-platform-reqs </dev/null
