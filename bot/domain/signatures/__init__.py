"""Signatures of plans: the text that is signed, the keys of people, and receipts. Pure."""
