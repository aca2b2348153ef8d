"""Settings files and credentials as text."""
