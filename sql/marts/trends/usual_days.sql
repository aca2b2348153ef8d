with

days as (
    select
        usage_date,
        account_sid,
        account_name,
        currency,
        weeks_ago,
        weekday,
        recordings,
        expected_cost,
        -- Credits may be more than the charges of a day.
        cast(greatest(expected_cost, 0) as double) as spend,
    from marts.account_days
    where is_whole and expected_cost is not null and unestimated_minutes = 0 and days_ago <= 56
),

by_weekday as (
    select
        *,
        median(spend) over (partition by account_sid, currency, weekday) as of_weekday,
    from days
),

-- The medians of the weekday and of the week: neither a few high days nor a few empty ones change what is expected. Of a
-- week that is mostly empty, as in an outage, that of the two weeks up to then counts.
by_week as (
    select
        *,
        coalesce(
            of_weekday * greatest(
                median(spend / nullif(of_weekday, 0)) over (
                    partition by account_sid, currency, weeks_ago
                ),
                median(spend / nullif(of_weekday, 0)) over (
                    partition by account_sid, currency
                    order by weeks_ago
                    range between current row and 1 following
                )
            ),
            0
        ) as usual,
    from by_weekday
),

-- Distances are measured between square roots, because the noise of the root is about the same on busy and slow days.
spreads as (
    select
        account_sid,
        currency,
        greatest(
            1.4826 * median(abs(sqrt(spend) - sqrt(usual))),
            coalesce(sqrt(sum(spend) / nullif(sum(recordings), 0) / 2), 0)
        ) as spread,
        median(spend) > 0 as is_busy,
    from by_week
    group by account_sid, currency
),

compared as (
    select
        by_week.*,
        coalesce(
            spreads.is_busy and abs(sqrt(spend) - sqrt(usual)) > 4.5 * spreads.spread
            and abs(spend - usual) > 0.25 * usual,
            false
        ) as is_far,
    from by_week
    inner join spreads
        on by_week.account_sid = spreads.account_sid and by_week.currency = spreads.currency
),

-- What happens more often than once a week is not an exception.
counted as (
    select
        *,
        is_far
        and count(*) filter (where is_far) over (partition by account_sid, currency) * 7
        <= count(*) over (partition by account_sid, currency) as is_unusual,
    from compared
)

select
    usage_date,
    account_sid,
    account_name,
    currency,
    weeks_ago,
    weekday,
    is_unusual,
    expected_cost,
    case
        when is_unusual then cast(usual as decimal(38, 9)) else greatest(expected_cost, 0)
    end as usual_cost,
from counted
order by usage_date, account_sid, currency
