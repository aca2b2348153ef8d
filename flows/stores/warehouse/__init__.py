"""The warehouse: one DuckDB file."""
