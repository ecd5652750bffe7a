"""The cards, as pure functions of snapshots."""
