"""Backups: what is known of each, and which to keep."""
