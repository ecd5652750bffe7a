"""The first set-up as pure functions: what a host answers, existing deploy scripts, and the files that are written."""
