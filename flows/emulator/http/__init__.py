"""What HTTP says, to and fro."""
