"""MySQL and MariaDB: what a migration needs to know, and dumps that are checked before they count as backups."""
