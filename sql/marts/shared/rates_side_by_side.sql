with

turns as (
    select * from marts.rate_turns
),

changes as (
    select
        *,
        least(rate_before, rate_after) as lower_rate,
        greatest(rate_before, rate_after) as higher_rate,
    from marts.rate_changes
),

-- A rate that is rolled out gradually is a change. If both are charged for more than two months before or after the
-- change, they are side by side as well, because the change does not say so.
stretches as (
    select stretches.*
    from marts.shared_stretches as stretches
    anti join turns
        on
            stretches.account_sid = turns.account_sid and stretches.source = turns.source
            and stretches.channels is not distinct from turns.channels
            and stretches.currency = turns.currency and stretches.lower_rate = turns.lower_rate
            and stretches.higher_rate = turns.higher_rate and stretches.since <= turns.last_day
            and stretches.last_day >= turns.since
    anti join changes
        on
            stretches.account_sid = changes.account_sid and stretches.source = changes.source
            and stretches.channels is not distinct from changes.channels
            and stretches.currency = changes.currency
            and stretches.lower_rate = changes.lower_rate
            and stretches.higher_rate = changes.higher_rate
            and changes.changed_on between stretches.since and stretches.last_day + 1
            and changes.changed_on between stretches.last_day - 62 and stretches.since + 62
)

select
    stretches.account_sid,
    any_value(stretches.account_name) as account_name,
    stretches.source,
    stretches.channels,
    stretches.currency,
    stretches.lower_rate,
    stretches.higher_rate,
    stretches.since,
    stretches.last_day,
    any_value(stretches.is_over) as is_over,
    count(switches.switched_on) as switches,
from stretches
left join marts.rate_switches as switches
    on
        stretches.account_sid = switches.account_sid and stretches.source = switches.source
        and stretches.channels is not distinct from switches.channels
        and stretches.currency = switches.currency
        and stretches.lower_rate = switches.lower_rate
        and stretches.higher_rate = switches.higher_rate
        and switches.switched_on between stretches.since and stretches.last_day
group by
    stretches.account_sid, stretches.source, stretches.channels, stretches.currency,
    stretches.lower_rate, stretches.higher_rate, stretches.since, stretches.last_day
order by since, account_sid, source, channels, currency, lower_rate, higher_rate
