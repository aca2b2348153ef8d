with

kept as (
    select * from marts.recordings_kept
),

rates as (
    select * from landed.storage_rates
),

accounts as (
    select distinct
        account_sid,
        account_name,
        currency,
    from kept
),

-- From its first own rate on, an account no longer uses the rates for all accounts.
matched as (
    select
        accounts.*,
        rates.valid_from,
        rates.account_sid as rate_account_sid,
        rates.price_per_minute_month,
        rates.free_minutes as shared_free_minutes,
        min(rates.valid_from) filter (where rates.account_sid is not null) over (
            partition by accounts.account_sid, accounts.currency
        ) as first_own,
    from accounts
    inner join rates
        on
            accounts.currency = rates.currency
            and (rates.account_sid = accounts.account_sid or rates.account_sid is null)
),

periods as (
    select
        account_sid,
        account_name,
        currency,
        valid_from,
        lead(valid_from)
            over (partition by account_sid, currency order by valid_from)
            as valid_until,
        rate_account_sid,
        price_per_minute_month,
        shared_free_minutes,
    from matched
    where rate_account_sid is not null or first_own is null or valid_from < first_own
)

select * from periods
order by account_sid, currency, valid_from
