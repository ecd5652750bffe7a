"""A run's snapshot to messages, as pure functions."""
