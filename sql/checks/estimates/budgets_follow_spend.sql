-- A budget must be compared with what was spent in its month, and its state must be what the amounts say.
-- severity: fail
with

spend as (
    select
        cast(date_trunc('month', usage_date) as date) as month,
        account_sid,
        currency,
        sum(cost) as cost,
    from marts.daily_spend
    group by month, account_sid, currency
    union all
    select
        cast(date_trunc('month', usage_date) as date) as month,
        null,
        currency,
        sum(cost),
    from marts.daily_spend
    group by month, currency
),

compared as (
    select
        coalesce(budgets.month, planned.month) as month,
        coalesce(budgets.account_sid, planned.account_sid) as account_sid,
        coalesce(budgets.currency, planned.currency) as currency,
        budgets.budget,
        planned.budget as budget_due,
        budgets.cost,
        spend.cost as cost_due,
        budgets.budget_status,
        case
            when spend.cost > planned.budget then 'exceeded'
            when budgets.expected_cost > planned.budget then 'will be exceeded'
            when
                budgets.unestimated_recordings > 0 or budgets.days_without_forecast > 0
                or budgets.has_cost_without_currency or planned.is_partly_unknown
                or coalesce(budgets.days_read, 0) = 0
                then 'not known'
            when
                budgets.days_missing > 0
                and (not budgets.is_running or budgets.expected_cost is null)
                then 'not known'
            else 'within'
        end as status_due,
        budgets.runs_out_on is null and budgets.expected_cost > planned.budget as is_day_missing,
    from marts.budgets as budgets
    full join marts.budget_months as planned
        on
            budgets.month = planned.month
            and budgets.account_sid is not distinct from planned.account_sid
            and budgets.currency = planned.currency
    left join spend
        on
            planned.month = spend.month
            and planned.account_sid is not distinct from spend.account_sid
            and planned.currency = spend.currency
)

select * from compared
where
    budget is distinct from budget_due
    or cost is distinct from cost_due
    or budget_status is distinct from status_due
    or is_day_missing
