"""Countersign: operate production servers from Slack, planned, countersigned and reported step by step."""
