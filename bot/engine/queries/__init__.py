"""Questions that change nothing: status, locks, rules, reports."""
