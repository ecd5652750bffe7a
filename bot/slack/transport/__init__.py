"""What comes from Slack and how calls reach it: sockets, inbox, Web API."""
