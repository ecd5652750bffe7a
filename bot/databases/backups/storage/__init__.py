"""Where backups are stored: a host, a directory of the bot, or an S3-compatible bucket."""
