"""What a run is and what the rules are. Pure: no I/O, no clock, the standard library only."""
