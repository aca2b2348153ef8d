with

switches as (
    select * from marts.placed_switches
),

turns as (
    select
        account_sid,
        any_value(account_name) as account_name,
        source,
        channels,
        currency,
        lower_rate,
        higher_rate,
        since,
        count(*) as switches,
        max(switched_on) as last_switch_on,
        coalesce((list(switched_on order by switched_on))[4], max(switched_on)) as turns_known_on,
        max(switched_on) filter (where is_lasting) as last_lasting_on,
        arg_max(rate_after, switched_on) filter (where is_lasting) as last_lasting_rate,
        -- A tier is given two months, and so are rates that share their days.
        cast(case
            when bool_or(is_mixed or tier_month is not null) then 62
            else least(62, greatest(14, 2 * max(days_before) filter (where switched_on > since)))
        end as integer) as most_days,
        any_value(tier_until) as tier_until,
        any_value(first_rate) as first_rate,
        any_value(threshold_minutes) as threshold_minutes,
        any_value(tier_months) as tier_months,
        lead(since) over (
            partition by account_sid, source, channels, currency, lower_rate, higher_rate
            order by since
        ) as next_since,
    from switches
    group by account_sid, source, channels, currency, lower_rate, higher_rate, since
    having bool_or(is_mixed or tier_month is not null) or count(*) >= 4
),

-- The last charged day before another rate lasted, or before the two switched again. One of the two that lasts after a
-- third rate is not another.
followed as (
    select
        turns.account_sid,
        turns.source,
        turns.channels,
        turns.currency,
        turns.lower_rate,
        turns.higher_rate,
        turns.since,
        min(switches.day_before) as left_on,
    from turns
    inner join switches
        on
            turns.account_sid = switches.account_sid and turns.source = switches.source
            and turns.channels is not distinct from switches.channels
            and turns.currency = switches.currency
            and turns.last_switch_on < switches.switched_on
    where
        switches.switched_on = turns.next_since
        or (
            switches.is_lasting and (
                switches.rate_after not in (turns.lower_rate, turns.higher_rate)
                or switches.rate_before in (turns.lower_rate, turns.higher_rate)
            )
        )
    group by
        turns.account_sid, turns.source, turns.channels, turns.currency, turns.lower_rate,
        turns.higher_rate, turns.since
)

select
    turns.* exclude (next_since),
    followed.left_on,
from turns
left join followed
    on
        turns.account_sid = followed.account_sid and turns.source = followed.source
        and turns.channels is not distinct from followed.channels
        and turns.currency = followed.currency and turns.lower_rate = followed.lower_rate
        and turns.higher_rate = followed.higher_rate and turns.since = followed.since
order by since, account_sid, source, channels, currency, lower_rate, higher_rate
