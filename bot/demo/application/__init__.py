"""The demonstration's Laravel application and its commits."""
