"""Recurring work: schedules, the age of backups, reminders."""
