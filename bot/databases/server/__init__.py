"""A database server: connections, sessions, and the facts read from it."""
