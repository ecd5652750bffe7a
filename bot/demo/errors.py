"""What can go wrong with the demonstration."""


class DemoError(Exception):
    """A part of the demonstration could not do what was asked; the message says what, where and what would help."""
