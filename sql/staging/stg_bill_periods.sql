with

account_days as (
    select * from landed.account_days
),

usage_records as (
    select * from landed.usage_records
),

bills as (
    select * from staging.stg_bills
),

usage_days as (
    select
        account_sid,
        usage_date,
    from usage_records
    group by account_sid, usage_date
),

days as (
    select
        'usage records' as against,
        coalesce(account_days.day, usage_days.usage_date) as period_start,
        coalesce(account_days.account_sid, usage_days.account_sid) as account_sid,
        usage_days.account_sid is not null as is_billed,
        case when account_days.is_covered then 0 else 1 end as days_missing,
    from account_days
    full join usage_days
        on
            account_days.account_sid = usage_days.account_sid
            and account_days.day = usage_days.usage_date
    where account_days.has_usage_list or usage_days.account_sid is not null
),

currencies as (
    select
        against,
        period_start,
        account_sid,
        case when count(*) = 1 then min(currency) end as only_currency,
    from bills
    group by against, period_start, account_sid
),

covered_days as (
    select
        account_sid,
        cast(date_trunc('month', day) as date) as month,
        count(*) as days,
    from account_days
    where is_covered
    group by account_sid, cast(date_trunc('month', day) as date)
),

months as (
    select
        'invoice' as against,
        currencies.period_start,
        currencies.account_sid,
        true as is_billed,
        cast(day(last_day(currencies.period_start)) - coalesce(covered_days.days, 0) as integer)
            as days_missing,
    from currencies
    left join covered_days
        on
            currencies.account_sid = covered_days.account_sid
            and currencies.period_start = covered_days.month
    where currencies.against = 'invoice'
),

periods as (
    select * from days
    union all
    select * from months
)

select
    periods.*,
    currencies.only_currency,
from periods
left join currencies
    on
        periods.against = currencies.against and periods.period_start = currencies.period_start
        and periods.account_sid = currencies.account_sid
