with

recordings as (
    select * from landed.recordings
),

settings as (
    select * from landed.settings
),

measured as (
    select
        recordings.*,
        cast(timezone(settings.reporting_timezone, recordings.created_at) as date) as usage_date,
        cast(ceil(recordings.duration_seconds / 60.0) as integer) as billed_minutes,
        abs(recordings.price) as cost,
        recordings.price is not null as is_priced,
    from recordings
    cross join settings
)

select * from measured
