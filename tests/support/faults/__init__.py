"""Data folders that something happened to, and what the next run makes of them."""
