with

recordings as (
    select * from staging.stg_recordings
),

accounts as (
    select * from landed.accounts
),

named as (
    select
        recordings.*,
        coalesce(accounts.account_name, recordings.account_sid) as account_name,
    from recordings
    left join accounts on recordings.account_sid = accounts.account_sid
)

select * from named
