-- How many recordings the API no longer lists.
select count(deleted_at) as recordings
from marts.fct_recordings
