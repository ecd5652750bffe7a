"""Backups: dumps, their catalog, verification, restore and pruning."""
