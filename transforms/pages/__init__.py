"""What the API sent, read."""
