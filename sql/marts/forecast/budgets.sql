with

given as (
    select * from landed.budgets
),

settings as (
    select * from landed.settings
),

accounts as (
    select * from landed.accounts
),

-- A line applies until the next one of the same account and currency; an empty amount ends it.
lines as (
    select
        *,
        lead(valid_from) over (partition by account_sid, currency order by valid_from)
        - interval 1 day as last_day,
    from given
),

budgets as (
    select
        lines.account_sid,
        lines.currency,
        lines.amount,
        cast(unnest(generate_series(
            cast(lines.valid_from as timestamp),
            least(coalesce(lines.last_day, settings.as_of), settings.as_of),
            interval 1 month
        )) as date) as month,
    from lines
    cross join settings
    where lines.amount is not null
),

-- Past months with their cost, the current month with its expected cost.
days as (
    select
        usage_date,
        account_sid,
        currency,
        cost,
        expected_cost,
    from marts.forecast_days
    union all
    select
        usage_date,
        account_sid,
        currency,
        cost,
        expected_cost,
    from marts.account_days
    where usage_date < (select date_trunc('month', as_of) from landed.settings)
),

running as (
    select
        budgets.month,
        budgets.account_sid,
        budgets.currency,
        budgets.amount,
        days.usage_date,
        sum(days.cost) as cost,
        sum(days.expected_cost) as expected_cost,
        sum(sum(days.expected_cost)) over (
            partition by budgets.month, budgets.account_sid, budgets.currency
            order by days.usage_date
        ) as expected_until,
    from budgets
    left join days
        on
            budgets.month = cast(date_trunc('month', days.usage_date) as date)
            and budgets.currency = days.currency
            and coalesce(budgets.account_sid, days.account_sid) = days.account_sid
    group by budgets.month, budgets.account_sid, budgets.currency, budgets.amount, days.usage_date
),

months as (
    select
        month,
        account_sid,
        currency,
        amount as budget,
        sum(cost) as cost,
        sum(expected_cost) as expected_cost,
        min(usage_date) filter (where expected_until > amount) as runs_out_on,
    from running
    group by month, account_sid, currency, amount
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
        else 'within'
    end as budget_status,
from months
left join accounts on months.account_sid = accounts.account_sid
order by months.month, months.account_sid, months.currency
