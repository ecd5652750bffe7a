"""What is done with each kind of recorded event. Handlers are idempotent: after a crash they are called again."""
