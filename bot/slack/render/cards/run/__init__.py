"""The run card, its progress and its outcome."""
