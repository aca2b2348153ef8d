-- How many recordings the API no longer lists.
select cast(coalesce(sum(deleted_recordings), 0) as bigint) as recordings
from staging.stg_recording_totals
