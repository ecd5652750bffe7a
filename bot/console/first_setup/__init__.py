"""The edges of `countersign init`: questions at the terminal, keys of hosts, and files that are never overwritten."""
