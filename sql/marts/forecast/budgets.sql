with

budgets as (
    select * from marts.budget_months
),

accounts as (
    select * from landed.accounts
),

-- Past months with their cost, the current one with its forecast, which needs no further estimate.
days as (
    select
        usage_date,
        account_sid,
        currency,
        cost,
        expected_cost,
        if(is_forecast, 0, unestimated_recordings) as unestimated_recordings,
        if(is_forecast, 0, unestimated_minutes) as unestimated_minutes,
        is_forecast and expected_cost is null and currency <> 'XXX' as is_open,
    from marts.forecast_days
    union all
    select
        usage_date,
        account_sid,
        currency,
        cost,
        expected_cost,
        unestimated_recordings,
        unestimated_minutes,
        false,
    from marts.account_days
    where usage_date < (select date_trunc('month', as_of) from landed.settings)
),

-- Recordings without a currency may belong to any budget of their account.
running as (
    select
        budgets.*,
        days.usage_date,
        sum(days.cost) filter (where days.currency = budgets.currency) as cost,
        sum(days.expected_cost) filter (where days.currency = budgets.currency) as expected_cost,
        sum(sum(days.expected_cost) filter (where days.currency = budgets.currency)) over (
            partition by budgets.month, budgets.account_sid, budgets.currency
            order by days.usage_date
        ) as expected_until,
        sum(days.unestimated_recordings) as unestimated_recordings,
        sum(days.unestimated_minutes) as unestimated_minutes,
        coalesce(bool_or(days.is_open), false) as is_open,
        coalesce(bool_or(days.currency <> budgets.currency and days.cost > 0), false) as is_unclear,
    from budgets
    left join days
        on
            budgets.month = cast(date_trunc('month', days.usage_date) as date)
            and days.currency in (budgets.currency, 'XXX')
            and coalesce(budgets.account_sid, days.account_sid) = days.account_sid
    group by
        budgets.month, budgets.account_sid, budgets.currency, budgets.budget,
        budgets.is_partly_unknown, days.usage_date
),

months as (
    select
        month,
        account_sid,
        currency,
        budget,
        sum(cost) as cost,
        sum(expected_cost) as expected_cost,
        min(usage_date) filter (where expected_until > budget) as runs_out_on,
        cast(coalesce(sum(unestimated_recordings), 0) as bigint) as unestimated_recordings,
        coalesce(sum(unestimated_minutes), 0) as unestimated_minutes,
        min(usage_date) filter (where unestimated_recordings > 0) as unestimated_since,
        count(*) filter (where is_open) as days_without_forecast,
        bool_or(is_unclear) as has_cost_without_currency,
        bool_or(is_partly_unknown) as is_partly_unknown,
    from running
    group by month, account_sid, currency, budget
)

select
    months.month,
    months.account_sid,
    accounts.account_name,
    months.currency,
    months.budget,
    months.cost,
    months.expected_cost,
    cast(months.cost * 100 / nullif(months.budget, 0) as decimal(18, 2)) as used_percent,
    cast(months.expected_cost * 100 / nullif(months.budget, 0) as decimal(18, 2))
        as expected_percent,
    months.runs_out_on,
    case
        when months.cost > months.budget then 'exceeded'
        when months.expected_cost > months.budget then 'will be exceeded'
        when
            unestimated_recordings > 0 or days_without_forecast > 0 or has_cost_without_currency
            or coalesce(months_read.days_read, 0) = 0 or is_partly_unknown
            or (months_read.days_missing > 0 and (not is_running or months.expected_cost is null))
            then 'not known'
        else 'within'
    end as budget_status,
    months.unestimated_recordings,
    months.unestimated_minutes,
    months.unestimated_since,
    months.days_without_forecast,
    months.has_cost_without_currency,
    months_read.is_running,
    months_read.days_read,
    months_read.days_missing,
from months
left join accounts on months.account_sid = accounts.account_sid
left join marts.months_read as months_read
    on
        months.month = months_read.month
        and months.account_sid is not distinct from months_read.account_sid
order by months.month, months.account_sid, months.currency
