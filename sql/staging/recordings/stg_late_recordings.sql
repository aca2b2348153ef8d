with

recordings as (
    select * from marts.fct_recordings
),

closed as (
    select * from landed.closed_months
)

select
    recordings.recording_sid,
    recordings.first_seen_at,
    recordings.account_sid,
    closed.month,
    recordings.created_at,
    recordings.source,
    recordings.channels,
    recordings.currency,
    recordings.is_priced,
    recordings.is_awaiting_price,
    recordings.duration_seconds,
    recordings.billed_minutes,
    recordings.cost,
from recordings
inner join closed
    on
        cast(date_trunc('month', recordings.usage_date) as date) = closed.month
        and recordings.first_seen_at > closed.closed_at
