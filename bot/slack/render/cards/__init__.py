"""The messages of a run, as pure functions of its snapshot."""
