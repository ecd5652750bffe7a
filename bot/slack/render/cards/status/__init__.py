"""The App Home, `/ops status` and `/migrate-status`."""
