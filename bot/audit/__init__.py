"""The audit: the history, written for others and forwarded to them as it grows."""
