"""The checks of `countersign doctor`: each one connects to something that is configured, and only reads."""
