with

daily as (
    select * from marts.daily_spend
),

rate_card as (
    select * from landed.rate_card
),

used as (
    select distinct
        usage_date,
        account_sid,
        account_name,
        source,
        channels,
    from daily
),

-- The most specific line wins (account before source before channels); among equals, the latest.
ranked as (
    select
        used.*,
        rate_card.currency,
        rate_card.price_per_minute,
        row_number() over (
            partition by
                used.usage_date, used.account_sid, used.source, used.channels, rate_card.currency
            order by
                rate_card.account_sid is not null desc, rate_card.source is not null desc,
                rate_card.channels is not null desc, rate_card.valid_from desc
        ) as place,
    from used
    inner join rate_card
        on
            used.usage_date >= rate_card.valid_from
            and used.account_sid = coalesce(rate_card.account_sid, used.account_sid)
            and used.source = coalesce(rate_card.source, used.source)
            and (rate_card.channels is null or used.channels = rate_card.channels)
)

select
    usage_date,
    account_sid,
    account_name,
    source,
    channels,
    currency,
    price_per_minute,
from ranked
where place = 1
order by usage_date, account_sid, source, channels, currency
