with

-- UTC days are counted from 1970, because time zone conversions are slow and UTC needs none.
recordings as (
    select
        *,
        date '1970-01-01' + cast(epoch_us(created_at) // 86400000000 as integer) as charge_date,
        -- Storage counts full minutes, whatever the calls are billed by.
        cast(ceil(duration_seconds / 60.0) as integer) as started_minutes,
        coalesce(deleted_at, case when status = 'deleted' then updated_at end) is null as is_kept,
    from marts.fct_recordings
),

by_day as (
    select
        usage_date,
        charge_date,
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
        is_credit,
        count(*) as recordings,
        count(*) filter (where is_awaiting_price) as unpriced_recordings,
        count(*) filter (where is_priced) as priced_recordings,
        count(*) filter (where is_stored) as stored_recordings,
        count(*) filter (where is_stored and is_kept) as kept_recordings,
        cast(coalesce(sum(duration_seconds), 0) as bigint) as duration_seconds,
        coalesce(sum(billed_minutes), 0) as billed_minutes,
        coalesce(sum(billed_minutes) filter (where is_priced), 0) as priced_minutes,
        coalesce(sum(billed_minutes) filter (where is_awaiting_price), 0) as unpriced_minutes,
        cast(coalesce(sum(started_minutes) filter (where is_stored), 0) as bigint)
            as stored_minutes,
        cast(coalesce(sum(started_minutes) filter (where is_stored and is_kept), 0) as bigint)
            as kept_minutes,
        sum(cost) as cost,
        coalesce(sum(cost) filter (where coalesce(billed_minutes, 0) = 0), 0)
            as cost_without_minutes,
        count(*) filter (where is_awaiting_price and billed_minutes is null)
            as unmeasured_recordings,
        coalesce(-sum(cost) filter (where is_credit), 0) as credits,
    from recordings
    group by
        usage_date, charge_date, account_sid, source, channels, status, call_kind, error_code,
        is_short,
        cost > 0,
        rate, currency, is_credit
)

select * from by_day
