with

days as (
    select * from marts.account_days
    where is_whole
),

settings as (
    select * from landed.settings
),

measured as (
    select *, 'cost' as measure, cast(expected_cost as double) as value
    from days
    where expected_cost is not null and unestimated_minutes = 0
    union all
    select *, 'minutes', cast(billed_minutes as double)
    from days
),

-- Each day beside the days of its window, which are those before it. Noise is about as large in the root of a good day as
-- in that of a slow one, so distances are measured there.
windows as (
    select
        measured.usage_date, measured.account_sid, measured.currency, measured.measure,
        before.weekday, before.weekday = measured.weekday as is_same_weekday,
        before.recordings, before.value, sqrt(before.value) as root,
    from measured
    cross join settings
    inner join measured as before
        on measured.account_sid = before.account_sid and measured.currency = before.currency
        and measured.measure = before.measure and before.usage_date < measured.usage_date
        and before.usage_date >= measured.usage_date - settings.anomaly_window_days
),

weekdays as (
    select usage_date, account_sid, currency, measure, weekday, sqrt(median(value)) as root
    from windows
    group by usage_date, account_sid, currency, measure, weekday
),

-- Four days of the same weekday are the fewest that tell what is usual.
spreads as (
    select
        windows.usage_date, windows.account_sid, windows.currency, windows.measure,
        any_value(weekdays.root) filter (where is_same_weekday) as root,
        count(*) filter (where is_same_weekday) as days,
        1.4826 * median(abs(windows.root - weekdays.root)) filter (where is_same_weekday) as own_spread,
        1.4826 * median(abs(windows.root / nullif(weekdays.root, 0) - 1)) as share_spread,
        sqrt(sum(windows.value) / nullif(sum(windows.recordings), 0) / 2) as count_spread,
    from windows
    inner join weekdays
        on windows.usage_date = weekdays.usage_date and windows.account_sid = weekdays.account_sid
        and windows.currency = weekdays.currency and windows.measure = weekdays.measure
        and windows.weekday = weekdays.weekday
    group by windows.usage_date, windows.account_sid, windows.currency, windows.measure
    having count(*) filter (where is_same_weekday) >= 4
),

-- A median of few days is off itself, and the days lie nearer to it than others will: 1.5 / days makes up for both.
reaches as (
    select
        measured.*, root, settings.anomaly_min_share,
        settings.anomaly_deviations * (1 + 1.5 / spreads.days)
        * greatest(own_spread, coalesce(share_spread * root, 0), coalesce(count_spread, 0)) as reach,
    from measured
    cross join settings
    inner join spreads
        on measured.usage_date = spreads.usage_date and measured.account_sid = spreads.account_sid
        and measured.currency = spreads.currency and measured.measure = spreads.measure
)

select
    usage_date, account_sid, account_name, currency, measure,
    cast(value as decimal(38, 9)) as value,
    cast(root * root as decimal(38, 9)) as median,
    cast(least(power(greatest(root - reach, 0), 2), root * root * (1 - anomaly_min_share)) as decimal(38, 9)) as lower_bound,
    cast(greatest(power(root + reach, 2), root * root * (1 + anomaly_min_share)) as decimal(38, 9)) as upper_bound,
from reaches
order by usage_date, account_sid, currency, measure
