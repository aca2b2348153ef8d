"""Fetch from the API what may have changed, as raw pages."""
