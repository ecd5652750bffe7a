"""Handlers of recorded events. They are idempotent: after a crash they are called again."""
