"""Events and Socket Mode: what reaches the app."""
