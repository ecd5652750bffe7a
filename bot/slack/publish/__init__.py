"""What the bot posts, and keeping Slack in agreement with the store."""
