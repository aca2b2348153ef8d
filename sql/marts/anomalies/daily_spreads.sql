with

whole_days as (
    select * from marts.account_days
    where is_whole
),

-- Credits may be more than the charges of a day: then it has no size.
valued as (
    select
        *,
        'cost' as measure,
        expected_cost as value,
        cast(greatest(expected_cost, 0) as double) as size,
    from whole_days
    where expected_cost is not null and unestimated_minutes = 0
    union all
    select
        *,
        'minutes' as measure,
        cast(billed_minutes as decimal(38, 9)) as value,
        cast(billed_minutes as double) as size,
    from whole_days
),

-- is_switched: whether the day has spend and the same weekday a week before had none, or the other way round.
measured as (
    select
        *,
        usage_date - date '2000-01-01' as day_number,
        (size > 0) <> lag(size > 0) over (
            partition by account_sid, currency, measure, weekday order by usage_date
        ) as is_switched,
    from valued
),

-- Each day with the earlier days in its window, as lists. A join would make a row for each pair of days, which no
-- memory limit can hold. Distances are measured between square roots, because the noise of the root is about the same
-- on busy and slow days.
windows as (
    select
        measured.*,
        count(*) over same_weekday as days,
        sqrt(median(size) over same_weekday) as root,
        list(sqrt(size)) over same_weekday as roots_of_weekday,
        list(sqrt(size)) over before as roots,
        list(weekday) over before as weekdays,
        [
            sqrt(median(size) filter (where weekday = 1) over before),
            sqrt(median(size) filter (where weekday = 2) over before),
            sqrt(median(size) filter (where weekday = 3) over before),
            sqrt(median(size) filter (where weekday = 4) over before),
            sqrt(median(size) filter (where weekday = 5) over before),
            sqrt(median(size) filter (where weekday = 6) over before),
            sqrt(median(size) filter (where weekday = 7) over before)
        ] as weekday_roots,
        sqrt(sum(size) over before / nullif(sum(recordings) over before, 0) / 2) as count_spread,
        avg(cast(is_switched as integer)) over before as switched_share,
        count(*) filter (where size > 0) over before as busy_days,
        sqrt(median(size) filter (where size > 0) over before) as busy_root,
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
        1.4826 * list_aggregate(
            list_transform(
                list_filter(roots, lambda each: each > 0), lambda each: abs(each - busy_root)
            ),
            'median'
        ) as busy_spread,
    from windows
)

select
    usage_date,
    account_sid,
    account_name,
    currency,
    measure,
    value,
    days,
    cast(root as decimal(38, 12)) as root,
    cast(own_spread as decimal(38, 12)) as own_spread,
    cast(coalesce(share_spread * root, 0) as decimal(38, 12)) as weekday_spread,
    cast(coalesce(count_spread, 0) as decimal(38, 12)) as count_spread,
    cast(coalesce(switched_share, 0) as decimal(18, 9)) as switched_share,
    busy_days,
    cast(busy_root as decimal(38, 12)) as busy_root,
    cast(busy_spread as decimal(38, 12)) as busy_spread,
from spreads
order by usage_date, account_sid, currency, measure
