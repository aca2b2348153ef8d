"""Which days to request, and how."""
