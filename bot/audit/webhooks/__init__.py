"""Webhooks: what happens to runs, told to other programs, signed; and marks of deploys for a few well-known ones."""
