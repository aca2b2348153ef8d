with

levels as (
    select
        *,
        usage_date - date '2000-01-01' as day_number,
        max(day_number) over (partition by account_sid, currency) as newest_day,
    from marts.daily_levels
),

-- The days that the levels are made of: others would count in the cost of a source, but not in the number of days.
daily as (
    select expected.*
    from marts.expected_daily_spend as expected
    inner join levels
        on
            expected.usage_date = levels.usage_date and expected.account_sid = levels.account_sid
            and expected.currency = levels.currency
),

-- Around a shift, a median shows it for days before and after; days up to two weeks apart are the same shift.
numbered as (
    select
        *,
        day_number - lag(day_number) over each_direction > 14 as is_new,
    from levels
    where is_shifted
    window
        each_direction as (partition by account_sid, currency, direction order by day_number)
),

runs as (
    select
        *,
        count(*) filter (where is_new) over (
            partition by account_sid, currency, direction
            order by day_number
            rows unbounded preceding
        ) as run,
    from numbered
),

-- The averages of the two weeks before and from it on differ most on the first day of the shift.
ranked as (
    select
        *,
        row_number() over (
            partition by account_sid, currency, direction, run
            order by abs(level_after - level_late) desc, day_number
        ) as place,
    from runs
),

-- A shift is known when the day after it has two weeks of its own, and shows it less.
found as (
    select * from ranked
    where place = 1 and day_number + 14 <= newest_day
),

by_source as (
    select
        found.usage_date,
        found.account_sid,
        found.currency,
        daily.source,
        found.direction,
        coalesce(
            sum(daily.expected_cost) filter (where daily.usage_date >= found.usage_date)
            / found.days_after,
            0
        )
        - coalesce(
            sum(daily.expected_cost) filter (where daily.usage_date < found.usage_date)
            / found.days_before,
            0
        ) as source_change,
    from found
    inner join daily
        on
            found.account_sid = daily.account_sid and found.currency = daily.currency
            and daily.usage_date between found.usage_date - 28 and found.usage_date + 13
    group by
        found.usage_date, found.account_sid, found.currency, found.days_after, found.days_before,
        found.direction, daily.source
),

main_source as (
    select *
    from by_source
    qualify row_number() over (
        partition by usage_date, account_sid, currency
        order by source_change * direction desc, source
    ) = 1
)

select
    found.usage_date as since,
    found.account_sid,
    found.account_name,
    found.currency,
    found.level_before,
    found.level_after,
    found.level_after - found.level_before as change,
    cast(
        (found.level_after - found.level_before) * 100 / nullif(found.level_before, 0)
        as decimal(18, 2)
    ) as change_percent,
    main_source.source,
    cast(main_source.source_change as decimal(38, 9)) as source_change,
from found
left join main_source
    on
        found.usage_date = main_source.usage_date and found.account_sid = main_source.account_sid
        and found.currency = main_source.currency
order by since, found.account_sid, found.currency
