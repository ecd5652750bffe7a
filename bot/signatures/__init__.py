"""Checking signatures with OpenSSH's `ssh-keygen`."""
