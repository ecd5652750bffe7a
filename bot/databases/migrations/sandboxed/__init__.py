"""Rehearsals in a sandbox: what the host does, what it finds, and what is said of that."""
