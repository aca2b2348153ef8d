"""Is it still running, and who is notified."""
