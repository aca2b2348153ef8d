with

whole_days as (
    select * from marts.account_days
    where is_whole
),

measured as (
    select
        *,
        usage_date - date '2000-01-01' as day_number,
        'cost' as measure,
        cast(expected_cost as double) as value,
    from whole_days
    where expected_cost is not null and unestimated_minutes = 0
    union all
    select
        *,
        usage_date - date '2000-01-01',
        'minutes',
        cast(billed_minutes as double),
    from whole_days
),

-- Each day with the earlier days in its window, as lists. A join would make a row for each pair of days, which no
-- memory limit can hold. Distances are measured between square roots, because the noise of the root is about the same
-- on busy and slow days.
windows as (
    select
        measured.*,
        count(*) over same_weekday as days,
        sqrt(median(value) over same_weekday) as root,
        list(sqrt(value)) over same_weekday as roots_of_weekday,
        list(sqrt(value)) over before as roots,
        list(weekday) over before as weekdays,
        [
            sqrt(median(value) filter (where weekday = 1) over before),
            sqrt(median(value) filter (where weekday = 2) over before),
            sqrt(median(value) filter (where weekday = 3) over before),
            sqrt(median(value) filter (where weekday = 4) over before),
            sqrt(median(value) filter (where weekday = 5) over before),
            sqrt(median(value) filter (where weekday = 6) over before),
            sqrt(median(value) filter (where weekday = 7) over before)
        ] as weekday_roots,
        sqrt(sum(value) over before / nullif(sum(recordings) over before, 0) / 2) as count_spread,
        anomaly_min_share,
        anomaly_deviations,
    from measured
    cross join landed.settings
    window
        before as (
            partition by account_sid, currency, measure
            order by day_number
            range between anomaly_window_days preceding and 1 preceding
        ),
        same_weekday as (
            partition by account_sid, currency, measure, weekday
            order by day_number
            range between anomaly_window_days preceding and 1 preceding
        )
    -- At least four days of the same weekday are needed to know what is usual.
    qualify days >= 4
),

spreads as (
    select
        * exclude (roots_of_weekday, roots, weekdays, weekday_roots),
        1.4826
        * list_aggregate(list_transform(roots_of_weekday, lambda each: abs(each - root)), 'median')
            as own_spread,
        1.4826 * list_aggregate(
            list_transform(
                list_zip(roots, weekdays),
                lambda day: abs(day[1] / nullif(weekday_roots[day[2]], 0) - 1)
            ),
            'median'
        ) as share_spread,
    from windows
),

-- The median of a few days is imprecise itself, and those days are closer to it than later ones
-- will be: 1.5 / days compensates for both.
reaches as (
    select
        *,
        anomaly_deviations * (1 + 1.5 / days)
        * greatest(own_spread, coalesce(share_spread * root, 0), coalesce(count_spread, 0))
            as reach,
    from spreads
)

select
    usage_date,
    account_sid,
    account_name,
    currency,
    measure,
    cast(value as decimal(38, 9)) as value,
    cast(root * root as decimal(38, 9)) as median,
    cast(
        least(
            power(greatest(root - reach, 0), 2), root * root * (1 - anomaly_min_share)
        ) as decimal(38, 9)
    ) as lower_bound,
    cast(
        greatest(power(root + reach, 2), root * root * (1 + anomaly_min_share)) as decimal(38, 9)
    ) as upper_bound,
from reaches
order by usage_date, account_sid, currency, measure
