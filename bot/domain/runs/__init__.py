"""Runs: requests, plans, steps, approval and history."""
