with

turns as (
    select * from marts.rate_turns
),

-- Turns that began within two months after others of the same minutes had their last switch.
followed as (
    select
        turns.account_sid,
        turns.source,
        turns.channels,
        turns.currency,
        turns.since,
        turns.lower_rate,
        turns.higher_rate,
        earlier.lower_rate as earlier_lower,
        earlier.higher_rate as earlier_higher,
        turns.lower_rate in (earlier.lower_rate, earlier.higher_rate) as is_lower_kept,
        turns.higher_rate in (earlier.lower_rate, earlier.higher_rate) as is_higher_kept,
    from turns
    inner join turns as earlier
        on
            turns.account_sid = earlier.account_sid and turns.source = earlier.source
            and turns.channels is not distinct from earlier.channels
            and turns.currency = earlier.currency
            and earlier.since < turns.since
            and earlier.last_switch_on between turns.since - 62 and turns.since
    qualify row_number() over (
        partition by
            turns.account_sid, turns.source, turns.channels, turns.currency, turns.since,
            turns.lower_rate, turns.higher_rate
        order by
            earlier.last_switch_on desc, earlier.since desc, earlier.lower_rate,
            earlier.higher_rate
    ) = 1
),

replacements as (
    select
        *,
        lower_rate as rate_new,
        case
            when not is_higher_kept then earlier_lower
            when higher_rate = earlier_lower then earlier_higher
            else earlier_lower
        end as rate_replaced,
    from followed
    where not is_lower_kept
    union all
    select
        *,
        higher_rate as rate_new,
        case
            when not is_lower_kept then earlier_higher
            when lower_rate = earlier_higher then earlier_lower
            else earlier_higher
        end as rate_replaced,
    from followed
    where not is_higher_kept
)

select
    account_sid,
    source,
    channels,
    currency,
    since,
    lower_rate,
    higher_rate,
    rate_new,
    rate_replaced,
from replacements
