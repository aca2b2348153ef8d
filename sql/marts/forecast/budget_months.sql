with

given as (
    select * from landed.budgets
),

settings as (
    select * from landed.settings
),

-- A line applies until the next one of the same account and currency; an empty amount ends it.
lines as (
    select
        *,
        lead(valid_from) over (partition by account_sid, currency order by valid_from)
        - interval 1 day as last_day,
    from given
)

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
order by month, lines.account_sid, lines.currency
