-- The files of the lake, as they are written in the view on them: with a quote in it doubled.
select replace(file, '''''', '''') as file
from (
    select unnest(regexp_extract_all(sql, '''((?:[^'']|'''')+[.]parquet)''', 1)) as file
    from duckdb_views()
    where schema_name = 'landed' and view_name = 'recordings'
)
