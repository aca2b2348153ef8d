with

recordings as (
    select * from marts.fct_recordings
),

by_day as (
    select
        usage_date,
        account_sid,
        any_value(account_name) as account_name,
        source,
        channels,
        status,
        call_kind,
        error_code,
        is_short,
        cost > 0 as is_charged,
        rate,
        currency,
        count(*) as recordings,
        count(*) filter (where not is_priced) as unpriced_recordings,
        cast(coalesce(sum(duration_seconds), 0) as bigint) as duration_seconds,
        cast(coalesce(sum(billed_minutes), 0) as bigint) as billed_minutes,
        cast(coalesce(sum(billed_minutes) filter (where is_priced), 0) as bigint) as priced_minutes,
        sum(cost) as cost,
    from recordings
    group by
        usage_date, account_sid, source, channels, status, call_kind, error_code, is_short, cost > 0, rate, currency
)

select * from by_day
