"""Which version of a record counts."""
