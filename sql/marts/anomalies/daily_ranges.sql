with

whole_days as (
    select * from marts.account_days
    where is_whole
),

measured as (
    select
        *,
        'cost' as measure,
        cast(expected_cost as double) as value,
    from whole_days
    where expected_cost is not null and unestimated_minutes = 0
    union all
    select
        *,
        'minutes',
        cast(billed_minutes as double),
    from whole_days
),

-- A number for each series: there are many pairs of days, and joins on numbers are fast.
numbered as (
    select
        *,
        dense_rank() over (order by account_sid, currency, measure) as series,
    from measured
),

looking_back as (
    select
        series,
        usage_date,
        weekday,
        usage_date - cast(unnest(range(1, anomaly_window_days + 1)) as integer) as day_before,
    from numbered
    cross join landed.settings
),

-- Each day with the earlier days in its window. Distances are measured between square roots,
-- because the noise of the root is about the same on busy and slow days.
windows as (
    select
        days.series,
        days.usage_date,
        before.weekday,
        before.weekday = days.weekday as is_same_weekday,
        before.recordings,
        before.value,
        sqrt(before.value) as root,
    from looking_back as days
    inner join numbered as before
        on days.series = before.series and days.day_before = before.usage_date
),

weekdays as (
    select
        series,
        usage_date,
        weekday,
        sqrt(median(value)) as root,
    from windows
    group by series, usage_date, weekday
),

-- At least four days of the same weekday are needed to know what is usual.
spreads as (
    select
        windows.series,
        windows.usage_date,
        any_value(weekdays.root) filter (where is_same_weekday) as root,
        count(*) filter (where is_same_weekday) as days,
        1.4826
        * median(abs(windows.root - weekdays.root)) filter (where is_same_weekday) as own_spread,
        1.4826 * median(abs(windows.root / nullif(weekdays.root, 0) - 1)) as share_spread,
        sqrt(sum(windows.value) / nullif(sum(windows.recordings), 0) / 2) as count_spread,
    from windows
    inner join weekdays
        on
            windows.series = weekdays.series and windows.usage_date = weekdays.usage_date
            and windows.weekday = weekdays.weekday
    group by windows.series, windows.usage_date
    having count(*) filter (where is_same_weekday) >= 4
),

-- The median of a few days is imprecise itself, and those days are closer to it than later ones
-- will be: 1.5 / days compensates for both.
reaches as (
    select
        numbered.*,
        root,
        settings.anomaly_min_share,
        settings.anomaly_deviations * (1 + 1.5 / spreads.days)
        * greatest(own_spread, coalesce(share_spread * root, 0), coalesce(count_spread, 0))
            as reach,
    from numbered
    cross join landed.settings as settings
    inner join spreads
        on numbered.series = spreads.series and numbered.usage_date = spreads.usage_date
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
