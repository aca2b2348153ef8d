with

daily as (
    select * from marts.daily_spend
),

rate_card as (
    select * from landed.rate_card
),

used as (
    select
        account_sid,
        account_name,
        source,
        channels,
        max(usage_date) as last_used,
    from daily
    group by account_sid, account_name, source, channels
),

-- The most specific line wins (account before source before channels); among equals, the latest.
matched as (
    select
        used.account_sid,
        used.account_name,
        used.source,
        used.channels,
        rate_card.currency,
        rate_card.valid_from,
        rate_card.price_per_minute,
        case when rate_card.account_sid is null then 0 else 40000000 end
        + case when rate_card.source is null then 0 else 20000000 end
        + case when rate_card.channels is null then 0 else 10000000 end
        + (rate_card.valid_from - date '2000-01-01') as precedence,
    from used
    inner join rate_card
        on
            used.last_used >= rate_card.valid_from
            and used.account_sid = coalesce(rate_card.account_sid, used.account_sid)
            and used.source = coalesce(rate_card.source, used.source)
            and (rate_card.channels is null or used.channels = rate_card.channels)
),

-- From each line's day on, the line that wins among those valid by then.
winning as (
    select
        account_sid,
        account_name,
        source,
        channels,
        currency,
        valid_from,
        arg_max(price_per_minute, precedence) over (
            partition by account_sid, source, channels, currency
            order by valid_from
            range between unbounded preceding and current row
        ) as price_per_minute,
    from matched
),

starts as (
    select distinct * from winning
)

select
    account_sid,
    account_name,
    source,
    channels,
    currency,
    valid_from,
    lead(valid_from) over (
        partition by account_sid, source, channels, currency order by valid_from
    ) as valid_until,
    price_per_minute,
from starts
order by account_sid, source, channels, currency, valid_from
