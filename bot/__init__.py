"""Countersign: operate production servers from Slack, planned, countersigned and told step by step."""
