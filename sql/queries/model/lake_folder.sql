-- The folder of the lake, as it is written in the view on its files: with a quote in it doubled.
select regexp_extract(sql, '''((?:[^'']|'''')+)/account_sid=', 1) as folder
from duckdb_views()
where schema_name = 'landed' and view_name = 'recordings'
