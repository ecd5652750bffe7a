"""The workspace: who is in it and what has happened there."""
