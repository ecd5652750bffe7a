# shellcheck shell=sh disable=SC2154,SC2034 # set and used by the scripts that are put around it at run time
# What a restore does with the copy that load.sh made: it stays.

made=
printf 'backup %s is restored into %s, and is what was dumped (%s s)\n' "$backup" "$fresh" "$restore_seconds"
