"""Prefect's server, its settings and Secret blocks."""
