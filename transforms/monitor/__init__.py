"""What there is to notify of, and how it is said."""
