"""Rendering snapshots as messages, as pure functions."""
