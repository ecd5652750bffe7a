"""MySQL and MariaDB: facts for planning, migrations, and verified backups."""
