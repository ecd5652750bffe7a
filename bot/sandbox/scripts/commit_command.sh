# shellcheck shell=sh disable=SC2154,SC2034 # set and used by the scripts that are put around it at run time
# Runs a command in the files of a commit, cut off from everything, for POSIX sh; in the live checkout. `command` is the
# shell text, `seconds` its time, `sha` the commit. The results are those of a sandbox, and the command is called `tell`.

GIT_OPTIONAL_LOCKS=0
export GIT_OPTIONAL_LOCKS

live=$PWD
trap sandbox_close EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
sandbox_claim || exit 0
tree || { refuse unwritable "$said"; exit 0; }
python_environment || { refuse environment "$said"; exit 0; }
# Not every application has one.
[ -e "$sandbox_env_from" ] || sandbox_env_from=
sandbox_start || exit 0
sandbox_run tell "$seconds" "$command"
exit 0
