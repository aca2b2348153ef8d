"""HTTP messages, in both directions."""
