"""Connections to Slack: sockets, inbox, Web API."""
