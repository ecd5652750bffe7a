"""Slack's rules for Block Kit."""
