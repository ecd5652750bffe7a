# shellcheck shell=sh disable=SC2154,SC2034 # set and used by the scripts that are put around it at run time
# Makes the data folder of a fresh server once for each version and layout, for POSIX sh. Concurrent makers are safe:
# one makes it under a lock, under another name, and renames it; who comes later finds it.

# make_data DIRECTORY: initialise a data folder for $sandbox_kind with the program $sandbox_program
make_data() {
  case $sandbox_kind in
    mariadb)
      prefix=$(dirname "$(dirname "$sandbox_program")")
      PATH=$sandbox_path:$prefix/scripts
      install_db=$(command -v mariadb-install-db || command -v mysql_install_db) || {
        printf 'mariadb-install-db is not installed\n'
        return 1
      }
      # --force: it refuses where neither the host's own name nor localhost resolves, which the server here does without.
      # shellcheck disable=SC2086 # options are words
      "$install_db" --no-defaults --basedir="$prefix" --datadir="$1" --auth-root-authentication-method=normal --skip-test-db \
        --skip-name-resolve --force $sandbox_as_root $sandbox_layout 2>&1
      ;;
    mysql)
      # In a box, as the server itself will be: Ubuntu confines the program by its path.
      # shellcheck disable=SC2086 # options are words
      mkdir "$box/server/new" &&
        (server_box /sandbox/program --no-defaults --initialize-insecure --datadir=/sandbox/server/new $sandbox_as_root \
          $sandbox_layout </dev/null 2>&1) &&
        mv "$box/server/new" "$1"
      ;;
  esac
}

# template: set `template` to the folder for this version and layout, made where it is missing; `said` is why it could not be
template() {
  template=$place/templates/$sandbox_kind-$sandbox_template
  if [ ! -d "$template" ]; then
    said=$(
      exec 8>"$place/templates/lock" && flock 8 || exit 1
      [ ! -d "$template" ] || exit 0
      rm -rf "$template.new"
      make_data "$template.new" 8>&- 9>&- && mv "$template.new" "$template"
    ) || return 1
  fi
  # `sweep` removes those that were not used for long.
  touch "$template"
}
