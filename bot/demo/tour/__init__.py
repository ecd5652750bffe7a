"""The demonstration plays itself, and checks what came of it."""
