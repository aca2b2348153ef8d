with

items as (
    select * from marts.adjustment_items
),

accounts as (
    select * from landed.accounts
),

rates_due as (
    select * from marts.rates_due
),

-- A UTC day can belong to a closed month in the reporting time zone, but to the UTC month in which
-- the change was found. That month is still open, so its days simply have the current values.
priced as (
    select
        items.*,
        coalesce(accounts.account_name, items.account_sid) as account_name,
        items.cost < 0 as is_credit,
        case
            when items.cost < 0 then items.cost
            else coalesce(
                nullif(items.billed_minutes, 0) * rates_due.price_per_minute, items.cost
            )
        end as cost_due,
    from items
    left join accounts on items.account_sid = accounts.account_sid
    left join rates_due
        on
            items.usage_date = rates_due.usage_date and items.account_sid = rates_due.account_sid
            and items.source = rates_due.source
            and items.channels is not distinct from rates_due.channels
            and items.currency = rates_due.currency
    where
        items.is_priced and cast(date_trunc('month', items.charge_date) as date) < items.month_found
),

netted as (
    select
        month_found,
        charge_date,
        account_sid,
        account_name,
        source,
        channels,
        currency,
        cast(sum(sign) as bigint) as priced_recordings_change,
        cast(coalesce(sum(sign * duration_seconds), 0) as bigint) as duration_seconds_change,
        coalesce(sum(sign * billed_minutes), 0) as priced_minutes_change,
        cast(sum(sign * cost) as decimal(38, 9)) as cost_change,
        cast(sum(sign * cost_due) as decimal(38, 9)) as list_cost_change,
        is_credit,
    from priced
    group by
        month_found, charge_date, account_sid, account_name, source, channels, currency, is_credit
)

select * from netted
where
    priced_recordings_change <> 0
    or duration_seconds_change <> 0
    or priced_minutes_change <> 0
    or cost_change <> 0
order by month_found, charge_date, account_sid, source, channels, currency, is_credit
