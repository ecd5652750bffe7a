# shellcheck shell=sh disable=SC2154,SC2034 # set and used by the scripts that are put around it at run time
# record PROOF WHY: write the result of a proof into the manifest, whose last lines are about the proof
record() {
  # shellcheck disable=SC1003 # a backslash, and no escaped quote
  line=$(printf '%s' "$2" | tr '\n\t' '  ' | tr -d '"\\' | tr -cd '[:print:]' | head -c 300)
  {
    sed '/^  "proof": /,$d' "$manifest"
    printf '  "proof": "%s",\n  "proven_at": "%s",\n' "$1" "$(date -u +%Y-%m-%dT%H:%M:%SZ)"
    printf '  "moving": %s,\n  "restore_seconds": %s,\n  "why": "%s"\n}\n' "${moving:-0}" "$restore_seconds" "$line"
  } >"$manifest.$attempt.part" && mv -f -- "$manifest.$attempt.part" "$manifest"
}

# refuted WHY: the backup does not restore, and its manifest says so from now on
refuted() {
  record refuted "$1"
  fail refuted "$1"
}
