with

usage_records as (
    select * from landed.usage_records
),

invoices as (
    select * from landed.invoices
),

bills as (
    select
        'usage records' as against,
        usage_date as period_start,
        account_sid,
        currency,
        recordings as their_recordings,
        minutes as their_minutes,
        price as their_cost,
    from usage_records
    where currency is not null
    union all
    select
        'invoice' as against,
        month as period_start,
        account_sid,
        currency,
        cast(null as bigint) as their_recordings,
        quantity as their_minutes,
        amount as their_cost,
    from invoices
    where category = 'recordings'
)

select * from bills
