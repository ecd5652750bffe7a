"""Migrations: what they would do, how they are rehearsed, and what they did."""
