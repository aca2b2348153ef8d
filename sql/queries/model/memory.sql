-- What DuckDB may use: threads, and bytes of memory.
select
    cast(current_setting('threads') as bigint) as threads,
    parse_formatted_bytes(current_setting('memory_limit')) as memory_bytes
