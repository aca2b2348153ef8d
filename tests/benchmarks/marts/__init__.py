"""How long the marts and reports take to build."""
