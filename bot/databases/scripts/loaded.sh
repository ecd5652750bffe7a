# What a restore does with the copy that load.sh made: it stays.

made=
printf 'backup %s is restored into %s, and is what was dumped (%s s)\n' "$backup" "$fresh" "$restore_seconds"
