with

turns as (
    select
        * exclude (turns_known_on, last_switch_on, ended_on, known_on),
        case when first_rate is null then 'in turn' else 'volume tier' end as kind,
    from marts.rate_turns
    union all by name
    select
        *,
        'side by side' as kind,
    from marts.rates_side_by_side
),

spent as (
    select
        turns.account_sid,
        turns.source,
        turns.channels,
        turns.currency,
        turns.since,
        turns.lower_rate,
        turns.higher_rate,
        coalesce(
            sum(detail.priced_minutes) filter (where detail.rate = turns.lower_rate), 0
        ) as lower_minutes,
        coalesce(sum(detail.cost) filter (where detail.rate = turns.lower_rate), 0) as lower_cost,
        coalesce(
            sum(detail.priced_minutes) filter (where detail.rate = turns.higher_rate), 0
        ) as higher_minutes,
        coalesce(sum(detail.cost) filter (where detail.rate = turns.higher_rate), 0) as higher_cost,
    from turns
    inner join marts.daily_spend_detail as detail
        on
            turns.account_sid = detail.account_sid and turns.source = detail.source
            and turns.channels is not distinct from detail.channels
            and turns.currency = detail.currency
            and detail.rate in (turns.lower_rate, turns.higher_rate)
            and detail.usage_date between turns.since and turns.last_day
    where detail.priced_minutes > 0
    group by
        turns.account_sid, turns.source, turns.channels, turns.currency, turns.since,
        turns.lower_rate, turns.higher_rate
)

select
    turns.account_sid,
    turns.account_name,
    turns.source,
    turns.channels,
    turns.currency,
    turns.since,
    turns.lower_rate,
    turns.higher_rate,
    turns.kind,
    case turns.kind
        when 'in turn' then 'The two rates take turns, or are charged on the same days.'
        when 'side by side'
            then 'Both rates are charged on most days, such as by the time of day or by region.'
        else 'Each month begins at first_rate; minutes beyond the threshold cost the other rate.'
    end as meaning,
    turns.last_day,
    turns.is_over,
    turns.switches,
    turns.first_rate,
    turns.threshold_minutes,
    turns.tier_months,
    spent.lower_minutes,
    spent.lower_cost,
    spent.higher_minutes,
    spent.higher_cost,
from turns
inner join spent
    on
        turns.account_sid = spent.account_sid and turns.source = spent.source
        and turns.channels is not distinct from spent.channels
        and turns.currency = spent.currency and turns.since = spent.since
        and turns.lower_rate = spent.lower_rate and turns.higher_rate = spent.higher_rate
order by
    turns.since, turns.account_sid, turns.source, turns.channels, turns.currency,
    turns.lower_rate, turns.higher_rate
