"""Alembic scripts of the store; shipped with the package."""
