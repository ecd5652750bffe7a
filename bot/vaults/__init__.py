"""Where backups lie when that is not their host: a directory of the bot, an S3-compatible bucket."""
