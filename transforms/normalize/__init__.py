"""Which version of a record applies."""
