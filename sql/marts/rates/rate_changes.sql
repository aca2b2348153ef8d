with

rates as (
    select * from marts.effective_rates
    where prevailing_rate is not null
),

recordings as (
    select * from marts.fct_recordings
),

-- Consecutive days with the same rate form a run.
numbered as (
    select
        *,
        row_number() over (partition by account_sid, source, channels, currency order by usage_date)
        - row_number()
            over (
                partition by account_sid, source, channels, currency, prevailing_rate
                order by usage_date
            )
            as run,
    from rates
),

-- A rate that applies for only a day or two is not a lasting change.
runs as (
    select
        account_sid,
        account_name,
        source,
        channels,
        currency,
        prevailing_rate,
        min(usage_date) as first_day,
    from numbered
    group by account_sid, account_name, source, channels, currency, prevailing_rate, run
    having count(*) >= 3
),

compared as (
    select
        *,
        lag(prevailing_rate)
            over (partition by account_sid, source, channels, currency order by first_day)
            as rate_before,
    from runs
),

changes as (
    select * from compared
    where rate_before <> prevailing_rate
),

-- Only recordings of the few days and rates concerned.
firsts as (
    select
        recordings.usage_date,
        recordings.account_sid,
        recordings.source,
        recordings.channels,
        recordings.currency,
        min(recordings.created_at) as first_created_at,
        arg_min(recordings.recording_sid, (recordings.created_at, recordings.recording_sid))
            as first_recording_sid,
    from recordings
    inner join changes
        on
            recordings.usage_date = changes.first_day
            and recordings.account_sid = changes.account_sid
            and recordings.source = changes.source
            and recordings.channels is not distinct from changes.channels
            and recordings.currency = changes.currency and recordings.rate = changes.prevailing_rate
    group by
        recordings.usage_date, recordings.account_sid, recordings.source, recordings.channels,
        recordings.currency
)

select
    changes.account_sid,
    changes.account_name,
    changes.source,
    changes.channels,
    changes.currency,
    changes.first_day as changed_on,
    changes.rate_before,
    changes.prevailing_rate as rate_after,
    cast(
        (changes.prevailing_rate - changes.rate_before)
        * 100
        / changes.rate_before as decimal(18, 2)
    ) as change_percent,
    firsts.first_recording_sid,
    firsts.first_created_at,
from changes
left join firsts
    on
        changes.first_day = firsts.usage_date and changes.account_sid = firsts.account_sid
        and changes.source = firsts.source and changes.channels is not distinct from firsts.channels
        and changes.currency = firsts.currency
order by changed_on, changes.account_sid, changes.source, changes.channels, changes.currency
