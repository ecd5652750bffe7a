"""The append-only, hash-chained history."""
