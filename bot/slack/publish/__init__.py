"""Posting to Slack, and keeping its messages in agreement with the store."""
