"""The database behind the store: transactions, connections, types and schema upgrades."""
