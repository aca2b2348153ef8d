with

given as (
    select * from landed.budgets
),

settings as (
    select * from landed.settings
),

-- Missing days of the running month are in the forecast, unless there is none of their account.
days_unknown as (
    select
        month,
        account_sid,
    from marts.months_read
    where
        account_sid is not null and is_running and days_missing > 0
        and account_sid not in (
            select account_sid from marts.forecast_days
            where expected_cost is not null
        )
),

-- A line applies until the next one of the same account and currency; an empty amount ends it.
lines as (
    select
        *,
        lead(valid_from) over (partition by account_sid, currency order by valid_from)
        - interval 1 day as last_day,
    from given
),

months as (
    select
        cast(unnest(generate_series(
            cast(lines.valid_from as timestamp),
            least(coalesce(lines.last_day, settings.as_of), settings.as_of),
            interval 1 month
        )) as date) as month,
        lines.account_sid,
        lines.currency,
        lines.amount as budget,
    from lines
    cross join settings
    where lines.amount is not null
)

select
    months.*,
    bool_or(days_unknown.account_sid is not null) as is_partly_unknown,
from months
left join days_unknown
    on
        months.month = days_unknown.month
        and coalesce(months.account_sid, days_unknown.account_sid) = days_unknown.account_sid
group by months.month, months.account_sid, months.currency, months.budget
order by months.month, months.account_sid, months.currency
