with

items as (
    select * from marts.adjustment_items
),

netted as (
    select
        month_found,
        found_at,
        recording_sid,
        month,
        account_sid,
        source,
        channels,
        currency,
        kind,
        cast(sum(sign) as bigint) as recordings_change,
        cast(sum(case when is_awaiting_price then sign else 0 end) as bigint)
            as unpriced_recordings_change,
        coalesce(sum(sign * billed_minutes), 0) as billed_minutes_change,
        cast(coalesce(sum(sign * cost), 0) as decimal(38, 9)) as cost_change,
    from items
    group by
        month_found, found_at, recording_sid, month, account_sid, source, channels, currency, kind
)

select * from netted
where
    recordings_change <> 0
    or unpriced_recordings_change <> 0
    or billed_minutes_change <> 0
    or cost_change <> 0
order by found_at, recording_sid, month, source, channels, currency, kind
