"""Parsing of the pages that the API sent."""
