"""Build the warehouse from the lake."""
