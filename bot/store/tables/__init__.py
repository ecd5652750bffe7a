"""The store's smaller tables, one module each."""
