"""Backups: what is known of each, and which are kept."""
