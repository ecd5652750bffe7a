"""Measurements of speed and size, side by side; `python -m bench` prints them (docs/benchmarks.md)."""
