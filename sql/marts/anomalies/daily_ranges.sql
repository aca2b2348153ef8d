with

spreads as (
    select
        * replace (
            cast(value as double) as value, cast(root as double) as root,
            cast(busy_root as double) as busy_root
        ),
    from marts.daily_spreads
),

settings as (
    select * from landed.settings
),

holidays as (
    select * from landed.holidays
),

-- The median of a few days is imprecise itself, and those days are closer to it than later ones
-- will be: 1.5 / days compensates for both.
reaches as (
    select
        spreads.*,
        settings.anomaly_min_share as min_share,
        settings.anomaly_deviations * (1 + 1.5 / spreads.days)
        * greatest(spreads.own_spread, spreads.weekday_spread, spreads.count_spread) as reach,
        settings.anomaly_deviations * (1 + 1.5 / spreads.busy_days)
        * greatest(spreads.busy_spread, spreads.count_spread) as busy_reach,
        spreads.switched_share > 0.12 and spreads.busy_days >= 4 as is_irregular,
        spreads.value / nullif(spreads.root * spreads.root, 0) as ratio,
    from spreads
    cross join settings
),

-- Where days with and without spend alternate, only the days with spend say what is usual.
bounds as (
    select
        *,
        case
            when is_irregular then 0
            else least(power(greatest(root - reach, 0), 2), root * root * (1 - min_share))
        end as lowest,
        case
            when is_irregular
                then greatest(
                    power(busy_root + busy_reach, 2), busy_root * busy_root * (1 + min_share)
                )
            else greatest(power(root + reach, 2), root * root * (1 + min_share))
        end as highest,
        [lag(ratio, 1) over of_month, lag(ratio, 2) over of_month] as of_day,
        [lag(ratio, 1) over of_end, lag(ratio, 2) over of_end] as of_last_days,
    from reaches
    window
        of_month as (
            partition by account_sid, currency, measure, extract(day from usage_date)
            order by usage_date
        ),
        of_end as (
            partition by account_sid, currency, measure, last_day(usage_date) - usage_date
            order by usage_date
        )
),

-- What was as unusual on this day of the two months before, counted from either end, is usual too.
named as (
    select
        bounds.*,
        coalesce(own.name, general.name) as holiday,
        least(
            if(list_count(of_day) = 2, list_max(of_day), 1),
            if(list_count(of_last_days) = 2, list_max(of_last_days), 1),
            1
        ) as monthly_low,
        greatest(
            if(list_count(of_day) = 2, list_min(of_day), 1),
            if(list_count(of_last_days) = 2, list_min(of_last_days), 1),
            1
        ) as monthly_high,
    from bounds
    left join holidays as own
        on bounds.account_sid = own.account_sid and bounds.usage_date = own.day
    left join holidays as general
        on bounds.usage_date = general.day and general.account_sid is null
)

select
    usage_date,
    account_sid,
    account_name,
    currency,
    measure,
    cast(value as decimal(38, 9)) as value,
    cast(root * root as decimal(38, 9)) as median,
    cast(case when holiday is null then lowest * monthly_low else 0 end as decimal(38, 9))
        as lower_bound,
    cast(highest * monthly_high as decimal(38, 9)) as upper_bound,
    holiday,
from named
order by usage_date, account_sid, currency, measure
