with

recordings as (
    select * from marts.fct_recordings
),

settings as (
    select * from landed.settings
),

-- The one pass over all recordings. What a walk finds gone has the instant of that walk, so there are few instants.
by_instant as (
    select
        account_sid,
        account_name,
        currency,
        usage_date,
        coalesce(deleted_at, case when status = 'deleted' then updated_at end) as gone_at,
        count(*) as recordings,
        sum(billed_minutes) as billed_minutes,
    from recordings
    group by
        account_sid, account_name, currency, usage_date,
        coalesce(deleted_at, case when status = 'deleted' then updated_at end)
),

only_currency as (
    select account_sid, max(currency) as currency
    from by_instant
    where currency <> 'XXX'
    group by account_sid
    having count(distinct currency) = 1
),

dated as (
    select
        by_instant.* replace (
            case
                when by_instant.currency = 'XXX' then coalesce(only_currency.currency, 'XXX')
                else by_instant.currency
            end as currency
        ),
        cast(timezone(settings.reporting_timezone, by_instant.gone_at) as date) as gone_on,
    from by_instant
    cross join settings
    left join only_currency on by_instant.account_sid = only_currency.account_sid
),

by_day as (
    select
        account_sid,
        account_name,
        currency,
        usage_date,
        gone_on,
        cast(sum(recordings) as bigint) as recordings,
        cast(coalesce(sum(billed_minutes), 0) as bigint) as billed_minutes,
    from dated
    group by account_sid, account_name, currency, usage_date, gone_on
)

select * from by_day
order by account_sid, currency, usage_date, gone_on
