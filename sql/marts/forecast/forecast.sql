with

days as (
    select * from marts.forecast_days
),

trends as (
    select * from marts.spend_trends
),

months_read as (
    select * from marts.months_read
),

months as (
    select
        cast(date_trunc('month', min(usage_date)) as date) as month,
        account_sid,
        account_name,
        currency,
        sum(cost) as cost,
        sum(expected_cost) filter (where not is_forecast) as spent_cost,
        case when count(expected_cost) = count(*) then sum(expected_cost) end as expected_cost,
        cast(coalesce(sum(expected_cost) filter (where is_forecast), 0) as double) as rest,
        sum(unestimated_minutes) as unestimated_minutes,
        cast(sum(unestimated_recordings) as bigint) as unestimated_recordings,
        count(*) filter (where is_forecast) as forecast_days,
    from days
    group by account_sid, account_name, currency
),

-- The errors of single days, and the error of the level, its drift and its trend over all remaining
-- days.
deviations as (
    select
        months.*,
        coalesce(trends.history_days, 0) as history_days,
        trends.history_weeks,
        case
            when trends.history_days >= 28 then sqrt(
                trends.dispersion * months.rest
                + power(cast(trends.unusual_deviation as double), 2) * months.forecast_days / 7
                + coalesce(power(months.rest / nullif(cast(trends.level as double), 0), 2), 0) * (
                    power(trends.level_deviation, 2)
                    + power(trends.drift_deviation, 2) * months.forecast_days / 21
                    + power(trends.change_deviation * (months.forecast_days / 14.0 + 1), 2)
                )
            )
        end as deviation,
    from months
    left join
        trends
        on months.account_sid = trends.account_sid and months.currency = trends.currency
),

-- 1.645: 90 % of normal errors are within this many deviations; the other factor corrects it to
-- Student's distribution for few weeks.
bounded as (
    select
        *,
        cast((1.645 + 1.9 / history_weeks) * deviation as decimal(38, 9)) as margin,
    from deviations
)

select
    bounded.month,
    bounded.account_sid,
    account_name,
    currency,
    cost,
    spent_cost,
    expected_cost,
    -- Not known where the margin or the expected cost is not: `greatest` would skip the null.
    case
        when expected_cost - margin is not null
            then greatest(expected_cost - margin, coalesce(cost, 0))
    end as low_cost,
    expected_cost + margin as high_cost,
    cast(case when expected_cost - margin is not null then 90 end as tinyint) as interval_percent,
    forecast_days,
    history_days,
    unestimated_minutes,
    months_read.is_running,
    months_read.days_read,
    months_read.days_missing,
    unestimated_recordings,
from bounded
left join months_read
    on bounded.month = months_read.month and bounded.account_sid = months_read.account_sid
order by bounded.account_sid, currency
