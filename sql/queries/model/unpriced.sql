-- Recordings without a price.
select cast(coalesce(sum(unpriced_recordings), 0) as bigint) as recordings
from marts.daily_spend
