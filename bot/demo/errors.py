"""What can go wrong with the demonstration."""


class DemoError(Exception):
    """A part of the demonstration failed; the message names what, where and what would help."""
