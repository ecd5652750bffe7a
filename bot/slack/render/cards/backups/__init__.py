"""Cards about backups."""
