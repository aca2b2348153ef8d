with

switches as (
    select
        *,
        lead(switched_on) over each_pair as next_switch,
        switched_on - lag(switched_on) over each_pair as days_before,
    from marts.rate_switches
    window each_pair as (
        partition by account_sid, source, channels, currency, lower_rate, higher_rate
        order by switched_on
    )
),

mixed as (
    select * from marts.mixed_rate_days
),

tiers as (
    select * from marts.volume_tiers
),

-- Days with both rates before a switch and after it, up to the next.
around as (
    select
        switches.account_sid,
        switches.source,
        switches.channels,
        switches.currency,
        switches.switched_on,
        switches.rate_before,
        count(*) filter (where mixed.usage_date < switches.switched_on) as mixed_before,
        count(*) filter (where mixed.usage_date >= switches.switched_on) as mixed_after,
    from switches
    inner join mixed
        on
            switches.account_sid = mixed.account_sid and switches.source = mixed.source
            and switches.channels is not distinct from mixed.channels
            and switches.currency = mixed.currency and switches.lower_rate = mixed.lower_rate
            and switches.higher_rate = mixed.higher_rate
            and mixed.usage_date between switches.switched_on - 31 and switches.switched_on + 9
            and mixed.usage_date < coalesce(switches.next_switch, date '9999-12-31')
    where switches.is_lasting
    group by
        switches.account_sid, switches.source, switches.channels, switches.currency,
        switches.switched_on, switches.rate_before
),

placed as (
    select
        switches.*,
        coalesce(around.mixed_before >= 10 and around.mixed_after >= 3, false) as is_mixed,
        tiers.first_month as tier_month,
        tiers.until_month as tier_until,
        tiers.first_rate,
        tiers.threshold_minutes,
        tiers.months as tier_months,
    from switches
    left join around
        on
            switches.account_sid = around.account_sid and switches.source = around.source
            and switches.channels is not distinct from around.channels
            and switches.currency = around.currency
            and switches.switched_on = around.switched_on
            and switches.rate_before = around.rate_before
    left join tiers
        on
            switches.account_sid = tiers.account_sid and switches.source = tiers.source
            and switches.channels is not distinct from tiers.channels
            and switches.currency = tiers.currency and switches.lower_rate = tiers.lower_rate
            and switches.higher_rate = tiers.higher_rate
            and switches.switched_on >= tiers.first_month
            and switches.switched_on < coalesce(tiers.until_month, date '9999-12-31')
),

-- More than two months apart are others, unless both rates were in use all the time.
compared as (
    select
        *,
        days_before is null
        or coalesce(tier_month <> lag(tier_month) over each_pair, false)
        or (tier_month is null) <> (lag(tier_month) over each_pair is null)
        or (
            tier_month is null and days_before > 62
            and not (is_mixed and lag(is_mixed) over each_pair)
        ) as is_first,
    from placed
    window each_pair as (
        partition by account_sid, source, channels, currency, lower_rate, higher_rate
        order by switched_on
    )
)

select
    * exclude (next_switch, is_first),
    max(case when is_first then switched_on end) over (
        partition by account_sid, source, channels, currency, lower_rate, higher_rate
        order by switched_on
        rows unbounded preceding
    ) as since,
from compared
order by switched_on, account_sid, source, channels, currency, rate_before
