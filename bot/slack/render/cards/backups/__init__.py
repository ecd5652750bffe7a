"""What people read about backups."""
