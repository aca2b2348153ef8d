with

daily as (
    select * from marts.daily_spend
),

estimates as (
    select * from marts.unpriced_estimates
),

-- Recordings that will never have a price have no currency either; they count in the one that the
-- account was charged in last.
last_charged as (
    select
        account_sid,
        currency,
    from marts.expected_rates
    where rate_source = 'account' and currency <> 'XXX'
    qualify
        row_number() over (
            partition by account_sid order by newest_date desc, rate_minutes desc, currency
        ) = 1
),

parts as (
    select
        daily.usage_date,
        daily.account_sid,
        daily.account_name,
        daily.source,
        daily.channels,
        case
            when daily.cost is null and daily.currency = 'XXX'
                then coalesce(last_charged.currency, 'XXX')
            else daily.currency
        end as currency,
        daily.recordings - daily.unpriced_recordings as recordings,
        daily.billed_minutes - daily.unpriced_minutes as billed_minutes,
        0 as awaited_minutes,
        0 as unestimated_minutes,
        null as recent_rate,
        daily.cost,
        null as estimate,
        0 as unestimated_recordings,
    from daily
    left join last_charged on daily.account_sid = last_charged.account_sid
    where daily.recordings > daily.unpriced_recordings
    union all
    -- No price is expected any more for what is overdue.
    select
        usage_date,
        account_sid,
        account_name,
        source,
        channels,
        estimate_currency,
        unpriced_recordings,
        unpriced_minutes,
        if(is_overdue, 0, unpriced_minutes),
        if(is_overdue, 0, unestimated_minutes),
        if(is_overdue or unpriced_minutes = 0, null, expected_rate),
        null,
        if(is_overdue, null, estimate),
        if(is_overdue, 0, unestimated_recordings),
    from estimates
),

by_day as (
    select
        usage_date,
        account_sid,
        account_name,
        source,
        channels,
        currency,
        cast(sum(recordings) as bigint) as recordings,
        sum(billed_minutes) as billed_minutes,
        sum(awaited_minutes) as awaited_minutes,
        sum(unestimated_minutes) as unestimated_minutes,
        max(recent_rate) as recent_rate,
        sum(cost) as cost,
        cast(
            case
                when sum(cost) is not null or sum(estimate) is not null
                    then coalesce(sum(cost), 0) + coalesce(sum(estimate), 0)
            end as decimal(38, 9)
        ) as expected_cost,
        cast(sum(unestimated_recordings) as bigint) as unestimated_recordings,
    from parts
    group by usage_date, account_sid, account_name, source, channels, currency
)

select * from by_day
order by usage_date, account_sid, source, channels, currency
