"""The `recspend` command: the only code that prints."""
