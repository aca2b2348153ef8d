"""Generated recordings for the models: of accounts with one rate, and of accounts whose rates share days."""

from typing import Literal

Rates = Literal["one rate", "a fifth", "all"]
"""Which accounts have two rates for the same recordings: none, each fifth, or all of them on every day."""

TWO_RATES: tuple[Rates, ...] = ("a fifth", "all")

FIRST = "2023-10-01T00:00:00Z"
SECONDS = 94_608_000.0

# Most recordings are completed. `two` says which of two rates a recording has.
_RECORDINGS = """
    select
        printf('RE%032x', i) as recording_sid, printf('AC%032x', account) as account_sid,
        case when hash(i, 2) % 5 > 0 then printf('CA%032x', i) end as call_sid,
        case when call_sid is null then printf('CF%032x', i) end as conference_sid,
        ['DialVerb', 'Conference', 'OutboundAPI', 'Trunking', 'RecordVerb'][cast(1 + {source} as bigint)] as source,
        source as source_raw, case when hash(i, 4) % 50 = 0 then 'failed' else 'completed' end as status,
        cast(1 + {channels} as tinyint) as channels, cast(1 + hash(i, 6) % 900 as integer) as duration_seconds,
        case when hash(i, 7) % 40 > 0
            then cast(-ceil(duration_seconds / 60.0) as integer)
                * cast(channels * case when {is_cheap} then 0.002 else 0.0025 end as decimal(9, 4)) end as price,
        'USD' as currency, created_at, created_at + interval 1 hour as first_seen_at,
        case when price is not null then created_at + to_hours(cast(1 + hash(i, 8) % 100 as integer)) end
            as first_priced_at,
        case when hash(i, 9) % 10 = 0 then created_at + to_hours(cast(24 + hash(i, 10) % 9000 as integer)) end
            as deleted_at,
        case when status = 'failed' then '13221' end as error_code,
    from (
        select
            i, {account} as account,
            timestamptz '{first}' + to_seconds(cast(i * ({seconds} / {count}) as bigint)) as created_at
        from range({count}) as generated(i)
    )
"""
_ONE_RATE = {
    "account": "hash(i, 1) % {accounts}",
    "source": "hash(i, 3) % 5",
    "channels": "hash(i, 5) % 2",
    "is_cheap": "false",
}
_FORMS: dict[Rates, dict[str, str]] = {
    "one rate": _ONE_RATE,
    # Half of these accounts pay less at night, half on weekends. With two sources, most days have several recordings
    # of each source and channels.
    "a fifth": _ONE_RATE
    | {
        "source": "hash(i, 3) % case when account % 5 = 0 then 2 else 5 end",
        "is_cheap": "case account % 10 when 0 then hour(created_at) not between 8 and 19 "
        "when 5 then isodow(created_at) > 5 else false end",
    },
    # Recordings come in pairs with both rates, in turn for each account, source and channels: with at least eight a
    # day and account, every day of each has both rates.
    "all": {
        "account": "i // 2 % {accounts}",
        "source": "i // 2 // {accounts} % 2",
        "channels": "i // 4 // {accounts} % 2",
        "is_cheap": "i % 2 = 0",
    },
}

OTHER_TABLES = {
    "landed.settings": """
        select 'UTC' as reporting_timezone, date '2026-09-29' as as_of, 90 as settle_days, 30 as accrual_rate_days,
            5 as short_recording_seconds, 56 as anomaly_window_days, 4.5 as anomaly_deviations,
            0.25 as anomaly_min_share, 0.1 as unpriced_share_warning, 0.01 as bill_tolerance_amount,
            0 as bill_tolerance_share, 5 as bill_tolerance_minutes, 1 as bill_tolerance_recordings
    """,
    "landed.account_days": """
        select distinct account_sid, cast(created_at as date) as day, true as is_covered, false as has_usage_list
        from landed.recordings
    """,
    "landed.rate_card": "select 'USD' as currency, date '2023-10-01' as valid_from, 0.0025 as price_per_minute",
    "landed.storage_rates": """
        select 'USD' as currency, date '2023-10-01' as valid_from, 0.0005 as price_per_minute_month,
            10000 as free_minutes
    """,
    "landed.budgets": "select 'USD' as currency, date '2023-10-01' as valid_from, 1000 as amount",
}
"""The tables besides the recordings, so that every mart has data."""


def recordings(
    count: int, accounts: int, rates: Rates = "one rate", *, first: str = FIRST, seconds: float = SECONDS
) -> str:
    """Return a SELECT of recordings of accounts, spread evenly over some `seconds` from the instant `first` on."""
    form = {name: sql.format(accounts=accounts) for name, sql in _FORMS[rates].items()}
    return _RECORDINGS.format(count=count, first=first, seconds=seconds, **form)
