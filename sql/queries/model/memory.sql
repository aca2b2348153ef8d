-- How much memory DuckDB may use, in bytes.
select parse_formatted_bytes(current_setting('memory_limit')) as memory_bytes
