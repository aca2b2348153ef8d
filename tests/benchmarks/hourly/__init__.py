"""Runs every hour for a long time."""
