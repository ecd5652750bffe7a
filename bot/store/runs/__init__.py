"""Runs: creating, leasing, updating and reading them."""
