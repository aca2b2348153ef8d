with

settings as (
    select * from landed.settings
),

days as (
    select
        *,
        usage_date - date '2000-01-01' as day_number,
        -- Credits may be more than the charges of a day.
        cast(greatest(expected_cost, 0) as double) as spend,
        sqrt(cast(greatest(expected_cost, 0) as double)) as root,
    from marts.account_days
    where is_whole and expected_cost is not null and unestimated_minutes = 0
),

-- Each day as a share of the seven days around it, which does not depend on the level.
shares as (
    select
        *,
        spend / nullif(
            avg(spend) over (
                partition by account_sid, currency
                order by day_number
                range between 3 preceding and 3 following
            ),
            0
        ) as share,
    from days
),

-- Without the pattern of the week: the day divided by the usual share of its weekday, null if that is nothing. The change against the same weekday
-- of the week before measures the noise.
changes as (
    select
        *,
        root - lag(root) over same_weekday as change,
        (spend > 0) <> lag(spend > 0) over same_weekday as is_switched,
        spend / nullif(
            median(share) over (same_weekday range between 55 preceding and current row), 0
        ) as level,
    from shares
    window same_weekday as (partition by account_sid, currency, weekday order by day_number)
),

-- Each day with the four weeks before and the two weeks from it on. A few unusual days do not move medians. Distances are
-- measured between square roots, as in daily_spreads.
windows as (
    select
        usage_date,
        account_sid,
        account_name,
        currency,
        sqrt(median(level) over (each_series range between 28 preceding and 15 preceding)) as early,
        sqrt(median(level) over (each_series range between 14 preceding and 1 preceding)) as late,
        sqrt(median(level) over (each_series range between current row and 13 following)) as after,
        count(*) over (each_series range between 28 preceding and 1 preceding) as days_before,
        count(*) over (each_series range between current row and 13 following) as days_after,
        least(
            count(level) over (each_series range between 14 preceding and 1 preceding),
            count(level) over (each_series range between current row and 13 following)
        ) as busy_days,
        avg(spend) over (each_series range between 28 preceding and 1 preceding) as level_before,
        avg(spend) over (each_series range between current row and 13 following) as level_after,
        avg(spend) over (each_series range between 14 preceding and 1 preceding) as level_late,
        greatest(
            1.4826 * mad(change) over around / sqrt(2),
            sqrt(sum(spend) over around / nullif(sum(recordings) over around, 0) / 2),
            case
                when avg(cast(is_switched as integer)) over around > 0.12
                    then stddev_pop(change) over around
            end
        ) as spread,
    from changes
    window
        each_series as (partition by account_sid, currency order by day_number),
        around as (
            partition by account_sid, currency
            order by day_number
            range between 28 preceding and 13 following
        )
),

-- A median of 14 days deviates by 1.25 / sqrt(14) of the spread of a day, the difference of two by 0.47. A shift is 4
-- times as large, and at least anomaly_min_share more or less than if the level had moved on as in the weeks before.
shifted as (
    select
        windows.*,
        cast(sign(after - late) as tinyint) as direction,
        days_before >= 24 and days_after >= 12 and busy_days >= 8
        and abs(after - late) > 4 * 0.47 * spread
        and abs(after - late) > 2 * abs(late - early)
        and (
            power(after, 2) > (1 + anomaly_min_share)
            * power(late, 2) * greatest(1, coalesce(power(late / nullif(early, 0), 2), 1))
            or power(after, 2) < (1 - anomaly_min_share)
            * power(late, 2) * least(1, coalesce(power(late / nullif(early, 0), 2), 1))
        ) as is_shifted,
    from windows
    cross join settings
)

-- In no order: only spend_shifts reads it.
select
    usage_date,
    account_sid,
    account_name,
    currency,
    cast(days_before as tinyint) as days_before,
    cast(days_after as tinyint) as days_after,
    cast(level_before as decimal(38, 9)) as level_before,
    cast(level_late as decimal(38, 9)) as level_late,
    cast(level_after as decimal(38, 9)) as level_after,
    coalesce(is_shifted, false) as is_shifted,
    direction,
from shifted
