# shellcheck shell=sh disable=SC2154,SC2034 # set and used by the scripts that are put around it at run time
# What a proof does with the copy that load.sh made: it records the result in the manifest, and the copy goes.
#
#   manifest     the backup's manifest
#   attempt      which attempt of the step this is
#   yields       what a good comparison makes of the backup: proven, or checked where no figures were dumped

rm -rf "$kept"
record "$yields" '' || fail manifest "$manifest cannot be written"
"discard_$where"
printf 'backup %s: %s, restored in %s s\n' "$backup" "$yields" "$restore_seconds"
