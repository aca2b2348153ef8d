with

valued as (
    select
        *,
        unnest(['cost', 'minutes']) as measure,
        unnest([case when unestimated_minutes = 0 then expected_cost end, billed_minutes]) as value,
    from marts.account_days
    where is_whole
),

-- Credits may be more than the charges of a day: then it has no size. is_switched: whether the day has spend and the
-- same weekday a week before had none, or the other way round.
measured as (
    select
        *,
        usage_date - date '2000-01-01' as day_number,
        cast(greatest(value, 0) as double) as size,
        sqrt(size) as size_root,
        (size > 0) <> lag(size > 0) over (
            partition by account_sid, currency, measure, weekday order by usage_date
        ) as is_switched,
        anomaly_window_days as window_days,
        anomaly_window_days - 7 as days_upto,
    from valued
    cross join landed.settings
    where value is not null
),

-- Each day with the earlier days of its weekday. Distances are measured between square roots, because the noise of the
-- root is about the same on busy and slow days. next_root: what is usual for the same weekday of the week after.
by_weekday as (
    select
        *,
        list(size_root) over before as roots_of_weekday,
        sqrt(median(size) over before) as root,
        sqrt(median(size) over upto) as next_root,
    from measured
    window
        before as (
            partition by account_sid, currency, measure, weekday
            order by day_number
            range between window_days preceding and 1 preceding
        ),
        upto as (
            partition by account_sid, currency, measure, weekday
            order by day_number
            range between days_upto preceding and current row
        )
),

-- Each day with all earlier days in its window, as lists. A join would make a row for each pair of days, which no
-- memory limit can hold. weekday_roots: what is usual for each weekday as of its last day in the window.
windows as (
    select
        * exclude (roots_of_weekday),
        1.4826
        * list_aggregate(list_transform(roots_of_weekday, lambda each: abs(each - root)), 'median')
            as own_spread,
        len(roots_of_weekday) as days,
        list(size_root) over before as roots,
        list(weekday) over before as weekdays,
        list_filter(roots, lambda each: each > 0) as busy_roots,
        len(busy_roots) as busy_days,
        [
            last_value(case weekday when 1 then next_root end ignore nulls) over before,
            last_value(case weekday when 2 then next_root end ignore nulls) over before,
            last_value(case weekday when 3 then next_root end ignore nulls) over before,
            last_value(case weekday when 4 then next_root end ignore nulls) over before,
            last_value(case weekday when 5 then next_root end ignore nulls) over before,
            last_value(case weekday when 6 then next_root end ignore nulls) over before,
            last_value(case weekday when 7 then next_root end ignore nulls) over before
        ] as weekday_roots,
        sqrt(sum(size) over before / nullif(sum(recordings) over before, 0) / 2) as count_spread,
        avg(cast(is_switched as integer)) over before as switched_share,
        sqrt(median(size) filter (where size > 0) over before) as busy_root,
    from by_weekday
    window
        before as (
            partition by account_sid, currency, measure
            order by day_number
            range between window_days preceding and 1 preceding
        )
    -- At least four days of the same weekday are needed to know what is usual.
    qualify days >= 4
)

-- In no order, which would take longer than the medians of a weekday: only daily_ranges reads it.
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
    cast(
        coalesce(
            root * 1.4826 * list_aggregate(
                list_transform(
                    list_zip(roots, weekdays),
                    lambda day: abs(day[1] / nullif(weekday_roots[day[2]], 0) - 1)
                ),
                'median'
            ),
            0
        ) as decimal(38, 12)
    ) as weekday_spread,
    cast(coalesce(count_spread, 0) as decimal(38, 12)) as count_spread,
    cast(coalesce(switched_share, 0) as decimal(18, 9)) as switched_share,
    busy_days,
    cast(busy_root as decimal(38, 12)) as busy_root,
    cast(
        1.4826
        * list_aggregate(list_transform(busy_roots, lambda each: abs(each - busy_root)), 'median')
        as decimal(38, 12)
    ) as busy_spread,
from windows
