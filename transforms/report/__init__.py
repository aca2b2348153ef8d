"""Tables turned into text."""
