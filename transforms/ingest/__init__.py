"""Which days to ask for, and how."""
