"""Targets: what is configured, and what is read of them."""
