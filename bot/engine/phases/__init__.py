"""The phases of a run, from planning to verification."""
