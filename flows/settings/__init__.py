"""The settings, the accounts and their tokens."""
