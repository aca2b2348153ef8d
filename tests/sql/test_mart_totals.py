"""Each mart compared with its recordings: the totals match in any ledger."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from decimal import Decimal

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.sql.tables import GIVEN, MODELS, SPEND, Row, build, connect, create
from transforms.model.models import Model, references

FACT = "marts.fct_recordings"
LAST_DAY = date(2026, 9, 14)
KEYS = "account_sid, source, channels, currency"

RATE_CARD: list[Row] = [
    {"currency": "USD", "valid_from": "2026-08-10", "price_per_minute": "0.0025"},
    {"currency": "USD", "valid_from": "2026-09-01", "price_per_minute": "0.003"},
    {"account_sid": "A", "currency": "USD", "valid_from": "2026-08-20", "price_per_minute": "0.004"},
]
DUE = (
    "case when account_sid = 'A' and usage_date >= date '2026-08-20' then 0.004 "
    "when usage_date >= date '2026-09-01' then 0.003 when usage_date >= date '2026-08-10' then 0.0025 end"
)


def of_the_same(one: str, other: str) -> str:
    return " and ".join(
        f"{one}.{key} is not distinct from {other}.{key}" for key in ("account_sid", "source", "channels")
    )


# An absent or failed recording has no audio and waits for no price. Audio in the customer's own storage is not stored
# by the vendor.
WAITS = "price is null and status not in ('absent', 'failed')"
IS_STORED = "status not in ('absent', 'failed') and media_location is distinct from 'external'"
# One that is listed as deleted when it is first seen was deleted at its last update; any other when that was found.
GONE_ON = (
    "if(status = 'deleted' and coalesce(deleted_at <= first_seen_at, true), "
    "least(updated_at, deleted_at), deleted_at)::date"
)
STANDING = f"""
    from {FACT}, unnest(generate_series(usage_date, date '{LAST_DAY}', interval 1 day)) as days (day)
    where coalesce(day < {GONE_ON}, true) and {IS_STORED}
"""
"""Each recording on each day it was stored, which is too large for a mart."""
EVERY_DAY = f"""
    select days.day::date as day, account_sid, coalesce(is_covered, false) as is_covered
    from (select unnest(generate_series(date '2026-08-01', date '{LAST_DAY}' - 1, interval 1 day)) as day) as days
    cross join (select distinct account_sid from landed.account_days)
    left join landed.account_days as known using (day, account_sid)
"""
"""Each day of each account before the one that is not over, and whether it was read."""
IN_CLOSED_MONTH = "date_trunc('month', usage_date) = (select month from landed.closed_months)"

TOTALS: Mapping[str, tuple[str, str]] = {
    "marts.effective_rates": (
        f"select usage_date, {KEYS}, sum(priced_minutes), sum(credited_minutes), sum(cost) from marts.effective_rates "
        "group by all",
        f"select usage_date, {KEYS}, sum(billed_minutes), coalesce(sum(billed_minutes) filter (rate < 0), 0), "
        f"sum(cost) from {FACT} "
        "where is_priced and billed_minutes > 0 group by all",
    ),
    "marts.expected_daily_spend": (
        "select usage_date, account_sid, source, channels, sum(recordings), sum(billed_minutes), sum(awaited_minutes), "
        "sum(cost), bool_or(expected_cost < cost) from marts.expected_daily_spend group by all",
        "select usage_date, account_sid, source, channels, count(*), coalesce(sum(billed_minutes), 0), "
        f"coalesce(sum(billed_minutes) filter (where {WAITS}), 0), sum(cost), "
        f"case when sum(cost) is not null then false end from {FACT} group by all",
    ),
    "marts.account_days": (
        "select usage_date, account_sid, sum(recordings), sum(billed_minutes), sum(cost) from marts.account_days "
        "where recordings > 0 or is_whole and expected_cost <> 0 group by all",
        "select usage_date, account_sid, count(*), coalesce(sum(billed_minutes), 0), sum(cost) "
        f"from {FACT} group by all",
    ),
    "marts.weekday_pattern": (
        "select account_sid, currency, round(sum(factor), 6), count(*) from marts.weekday_pattern group by all",
        "select distinct account_sid, currency, 7, 7 from marts.weekday_pattern",
    ),
    "marts.spend_weeks": (
        "select account_sid, currency, weeks_ago, true from marts.spend_weeks where days = 7",
        "select account_sid, currency, weeks_ago, abs(sum(usual_cost) - max(7 * level)) < 0.000001 "
        "from marts.usual_days left join marts.spend_weeks using (account_sid, currency, weeks_ago) "
        "group by all having count(*) = 7",
    ),
    "marts.usual_days": (
        "select usage_date, account_sid, currency, expected_cost, "
        "is_unusual or usual_cost = greatest(expected_cost, 0) from marts.usual_days",
        "select usage_date, account_sid, currency, expected_cost, true from marts.account_days "
        "where is_whole and expected_cost is not null and unestimated_minutes = 0 and days_ago <= 56",
    ),
    "marts.spend_moves": (
        # Without two weeks in a row there is no move to measure.
        "select account_sid, currency, coalesce(wander, 0) >= 0 from marts.spend_moves",
        "select account_sid, currency, true from marts.spend_weeks group by all "
        "having count(*) > 1 and (median(level) > 0 or count(*) filter (where level > 0) > 1)",
    ),
    "marts.spend_trends": (
        "select account_sid, currency, history_weeks, history_days, level >= 0 from marts.spend_trends",
        "select account_sid, currency, count(*), sum(days), true from marts.spend_weeks group by all",
    ),
    "marts.forecast_days": (
        "select account_sid, sum(cost), count(*) - count(distinct (usage_date, currency)) from marts.forecast_days "
        "group by all",
        f"select account_sid, sum(cost) filter (where usage_date >= '2026-09-01'), 0 from {FACT} group by all",
    ),
    "marts.forecast": (
        "select account_sid, sum(cost), count(*) - count(distinct currency), "
        "bool_and(coalesce(cost <= expected_cost, true) and coalesce(low_cost between coalesce(cost, 0) and "
        "expected_cost and expected_cost <= high_cost, true)) from marts.forecast group by all",
        f"select account_sid, sum(cost) filter (where usage_date >= '2026-09-01'), 0, true from {FACT} group by all",
    ),
    "marts.budgets": (
        "select month, account_sid, currency, budget, cost from marts.budgets",
        "select month, budgets.account_sid, budgets.currency, amount, sum(cost) from landed.budgets "
        "cross join (values (date '2026-08-01'), (date '2026-09-01')) as months (month) "
        f"left join {FACT} as fact on fact.currency = budgets.currency and date_trunc('month', usage_date) = month "
        "and coalesce(budgets.account_sid, fact.account_sid) = fact.account_sid group by all",
    ),
    "marts.daily_ranges": (
        "select usage_date, account_sid, currency, measure, value, median between lower_bound and upper_bound "
        "from marts.daily_ranges",
        "select usage_date, account_sid, currency, measure, "
        "case measure when 'cost' then expected_cost else billed_minutes end, true from marts.account_days "
        "join (select distinct usage_date, account_sid, currency, measure from marts.daily_ranges) "
        "using (usage_date, account_sid, currency)",
    ),
    "marts.daily_spreads": (
        "select usage_date, account_sid, currency, measure, value, days >= 4, switched_share between 0 and 1 "
        "from marts.daily_spreads",
        "select usage_date, account_sid, currency, measure, value, true, true from marts.daily_ranges",
    ),
    "marts.daily_levels": (
        "select usage_date, account_sid, currency, days_before <= 28, days_after between 1 and 14 "
        "from marts.daily_levels",
        "select usage_date, account_sid, currency, true, true from marts.account_days "
        "where is_whole and expected_cost is not null and unestimated_minutes = 0",
    ),
    "marts.spend_shifts": (
        "select since, account_sid, currency, change, count(*) from marts.spend_shifts group by all",
        "select usage_date, account_sid, currency, level_after - level_before, 1 from marts.daily_levels "
        "where is_shifted and (usage_date, account_sid, currency) in "
        "(select (since, account_sid, currency) from marts.spend_shifts)",
    ),
    "marts.anomalies": (
        "select usage_date, account_sid, currency, measure, value, median + difference from marts.anomalies",
        "select usage_date, account_sid, currency, measure, value, value from marts.daily_ranges "
        "where value not between lower_bound and upper_bound",
    ),
    "marts.rate_changes": (
        "select changed_on, rate_after, first_recording_sid, first_created_at from marts.rate_changes",
        "select changed_on, rate_after, min_by(recording_sid, (created_at, recording_sid)), min(created_at) "
        f"from marts.rate_changes as changes left join {FACT} as fact on usage_date = changed_on and rate = rate_after "
        + "".join(f" and fact.{key} is not distinct from changes.{key}" for key in KEYS.split(", "))
        + " group by changes.account_sid, changes.source, changes.channels, changes.currency, changed_on, rate_after",
    ),
    "marts.shared_rates": (
        f"select usage_date, {KEYS}, rate_charged, minutes, count(*) over (partition by usage_date, {KEYS}) > 1 "
        "from marts.shared_rates",
        f"select usage_date, {KEYS}, rate, part, true from (select usage_date, {KEYS}, rate, "
        f"sum(billed_minutes) as part, sum(part) over (partition by usage_date, {KEYS}) as whole from {FACT} "
        f"where is_priced and billed_minutes > 0 and rate > 0 group by usage_date, {KEYS}, rate) "
        f"where part >= 0.1 * whole qualify count(*) over (partition by usage_date, {KEYS}) > 1",
    ),
    "marts.shared_stretches": (
        f"select {KEYS}, lower_rate, higher_rate, since, last_day, since, last_day from marts.shared_stretches",
        "select stretches.account_sid, stretches.source, stretches.channels, stretches.currency, lower_rate, "
        "higher_rate, since, last_day, min(usage_date), max(usage_date) "
        "from marts.shared_stretches as stretches join marts.shared_rates as shared "
        f"on {of_the_same('shared', 'stretches')} and shared.currency = stretches.currency "
        "and rate_charged in (lower_rate, higher_rate) and usage_date between since and last_day "
        "group by all having count(distinct usage_date) >= 14",
    ),
    "marts.rates_side_by_side": (
        f"select {KEYS}, lower_rate, higher_rate, since, last_day, is_over from marts.rates_side_by_side",
        f"select {KEYS}, lower_rate, higher_rate, since, last_day, is_over from marts.shared_stretches as stretches "
        f"where not exists (from marts.rate_turns as turns where {of_the_same('turns', 'stretches')} "
        "and turns.currency = stretches.currency and turns.lower_rate = stretches.lower_rate "
        "and turns.higher_rate = stretches.higher_rate and turns.since <= stretches.last_day "
        "and turns.last_day >= stretches.since) "
        f"and not exists (from marts.rate_changes as changes where {of_the_same('changes', 'stretches')} "
        "and changes.currency = stretches.currency and rate_before in (lower_rate, higher_rate) "
        "and rate_after in (lower_rate, higher_rate) and changed_on >= greatest(since, last_day - 62) "
        "and changed_on <= least(last_day + 1, since + 62))",
    ),
    "marts.mixed_rate_days": (
        f"select usage_date, {KEYS}, lower_rate, higher_rate from marts.mixed_rate_days",
        f"select usage_date, {KEYS}, min(rate), max(rate) from (select usage_date, {KEYS}, rate, "
        f"sum(billed_minutes) as part, sum(part) over (partition by usage_date, {KEYS}) as whole, "
        f"rank() over (partition by usage_date, {KEYS} order by part desc, rate desc) as place from {FACT} "
        f"where is_priced and billed_minutes > 0 and rate > 0 group by usage_date, {KEYS}, rate) "
        f"where part >= 0.1 * whole and place <= 2 group by usage_date, {KEYS} having count(*) > 1",
    ),
    "marts.rate_switches": (
        f"select switched_on, {KEYS}, rate_after, count(*) > 1 and not bool_or(is_lasting) "
        "from marts.rate_switches group by all",
        f"select usage_date, {KEYS}, prevailing_rate, false from marts.effective_rates "
        f"where prevailing_rate is not null qualify prevailing_rate <> lag(prevailing_rate) "
        f"over (partition by {KEYS} order by usage_date)",
    ),
    "marts.month_rates": (
        f"select month, {KEYS}, rate_charged, minutes from marts.month_rates",
        "select date_trunc('month', usage_date) as month, fact.account_sid, fact.source, fact.channels, fact.currency, "
        f"fact.rate, sum(billed_minutes) from {FACT} as fact semi join marts.month_rates as rates "
        f"on {of_the_same('fact', 'rates')} and fact.currency = rates.currency and fact.rate = rates.rate_charged "
        "and date_trunc('month', usage_date) = rates.month where is_priced group by all",
    ),
    "marts.volume_tiers": (
        f"select {KEYS}, lower_rate, higher_rate, first_month, months from marts.volume_tiers",
        "select tiers.account_sid, tiers.source, tiers.channels, tiers.currency, lower_rate, higher_rate, first_month, "
        "months from marts.volume_tiers as tiers join marts.month_rates as rates "
        f"on {of_the_same('rates', 'tiers')} and rates.currency = tiers.currency "
        "and rate_charged in (lower_rate, higher_rate) "
        "and month >= first_month and month < coalesce(until_month, date '9999-12-31') group by all "
        "having count(*) >= 2 * months and count(distinct month) >= months and months > 1",
    ),
    "marts.placed_switches": (
        f"select {KEYS}, switched_on, rate_before, rate_after, since <= switched_on from marts.placed_switches",
        f"select {KEYS}, switched_on, rate_before, rate_after, true from marts.rate_switches",
    ),
    "marts.turn_switches": (
        f"select {KEYS}, lower_rate, higher_rate, since, switches, last_switch_on, most_days between 14 and 62 "
        "from marts.turn_switches",
        f"select {KEYS}, lower_rate, higher_rate, since, count(*), max(switched_on), true from marts.placed_switches "
        "group by all having count(*) >= 4 or bool_or(is_mixed or tier_month is not null)",
    ),
    "marts.rate_turns": (
        f"select {KEYS}, lower_rate, higher_rate, since, switches, last_switch_on from marts.rate_turns",
        "select placed.account_sid, placed.source, placed.channels, placed.currency, placed.lower_rate, "
        "placed.higher_rate, placed.since, count(*), max(switched_on) from marts.placed_switches as placed "
        f"semi join marts.rate_turns as turns on {of_the_same('placed', 'turns')} and placed.since = turns.since "
        "and placed.currency = turns.currency and placed.lower_rate = turns.lower_rate "
        "and placed.higher_rate = turns.higher_rate group by all",
    ),
    "marts.rate_replacements": (
        f"select {KEYS}, since, rate_new, rate_replaced <> rate_new from marts.rate_replacements",
        "select turns.account_sid, turns.source, turns.channels, turns.currency, turns.since, rate_new, true "
        "from marts.rate_turns as turns join marts.rate_replacements as replaced "
        f"on {of_the_same('turns', 'replaced')} and turns.currency = replaced.currency "
        "and turns.since = replaced.since and turns.lower_rate = replaced.lower_rate "
        "and turns.higher_rate = replaced.higher_rate "
        "and rate_new in (turns.lower_rate, turns.higher_rate)",
    ),
    "marts.rates_in_turn": (
        f"select {KEYS}, since, lower_rate, higher_rate, lower_minutes + higher_minutes, lower_cost + higher_cost "
        "from marts.rates_in_turn",
        "select turns.account_sid, turns.source, turns.channels, turns.currency, since, lower_rate, higher_rate, "
        "sum(billed_minutes), sum(cost) from (select * from marts.rate_turns union all by name "
        f"select * from marts.rates_side_by_side) as turns join {FACT} as fact "
        f"on {of_the_same('fact', 'turns')} and fact.currency = turns.currency and rate in (lower_rate, higher_rate) "
        "and usage_date between since and last_day where is_priced and billed_minutes > 0 group by all",
    ),
    "marts.unpriced_backlog": (
        "select account_sid, status, currency, sum(unpriced_recordings), sum(unpriced_minutes), min(oldest_usage_date) "
        "from marts.unpriced_backlog group by all",
        "select account_sid, status, currency, count(*), coalesce(sum(billed_minutes), 0), min(usage_date) "
        f"from {FACT} where {WAITS} group by all",
    ),
    "marts.price_settlement": (
        "select month, account_sid, recordings, priced_at_first_sight + priced_later, waiting + never_priced, "
        "priced_later, median_days from marts.price_settlement",
        f"select date_trunc('month', usage_date), account_sid, count(*), count(cost), count(*) filter (where {WAITS}), "
        "count(*) filter (where first_priced_at > first_seen_at), quantile_disc(datediff('day', created_at, "
        f"first_priced_at), 0.5) filter (where first_priced_at > first_seen_at) from {FACT} group by 1, 2",
    ),
    "marts.charge_signs": (
        "select account_sid, month, charge_sign from marts.charge_signs",
        "select 'B', null, if(count(*) filter (where price > 0) > count(*) filter (where price < 0), 1, -1) "
        "from landed.recordings where account_sid = 'B' union all select 'B', date '2026-08-01', null",
    ),
    "marts.expected_rates": (
        "select rate_source, account_sid, source, channels, currency, newest_date from marts.expected_rates",
        f"select 'trailing', {KEYS}, max(usage_date) from {FACT} where is_priced and billed_minutes > 0 "
        f"and rate >= 0 group by {KEYS} union all select 'account', account_sid, null, null, currency, max(usage_date) "
        f"from {FACT} where is_priced and billed_minutes > 0 and rate >= 0 group by account_sid, currency",
    ),
    "marts.unpriced_estimates": (
        f"select usage_date, {KEYS}, unpriced_recordings, unpriced_minutes, unmeasured_recordings, "
        "coalesce(estimate = unpriced_minutes * expected_rate, unpriced_minutes = 0 or expected_rate is null) "
        "from marts.unpriced_estimates",
        f"select usage_date, {KEYS}, count(*), coalesce(sum(billed_minutes), 0), "
        f"count(*) - count(duration_seconds), true from {FACT} where {WAITS} group by usage_date, {KEYS}",
    ),
    "marts.budget_months": (
        "select month, account_sid, currency, budget from marts.budget_months",
        "select month, account_sid, currency, amount from landed.budgets "
        "cross join (values (date '2026-08-01'), (date '2026-09-01')) as months (month)",
    ),
    "marts.accruals": (
        "select month, account_sid, source, channels, sum(unpriced_recordings), sum(unpriced_minutes), "
        "sum(accrual) filter (where rate_source = 'rate card') from marts.accruals group by all",
        "select date_trunc('month', usage_date), account_sid, source, channels, count(*), "
        "coalesce(sum(billed_minutes), 0), sum(case when currency <> 'EUR' and not exists (select 1 from "
        f"{FACT} as other where is_priced and not is_credit and billed_minutes > 0 and "
        f"{of_the_same('fact', 'other')} and fact.currency in (other.currency, 'XXX')) "
        f"then nullif(billed_minutes, 0) * {DUE} end) from {FACT} as fact where {WAITS} group by 1, 2, 3, 4",
    ),
    "marts.rates_due": (
        f"select usage_date, {KEYS}, price_per_minute from marts.rates_due",
        f"select distinct usage_date, account_sid, source, channels, 'USD', {DUE} from {FACT} as fact "
        f"where {DUE} is not null",
    ),
    "marts.rate_periods": (
        "select usage_date, fact.account_sid, fact.source, fact.channels, due.currency, price_per_minute, count(*) "
        f"from marts.rate_periods as due join {FACT} as fact on {of_the_same('fact', 'due')} "
        "and usage_date >= valid_from and (usage_date < valid_until or valid_until is null) group by all",
        f"select usage_date, account_sid, source, channels, 'USD', {DUE}, count(*) from {FACT} as fact "
        f"where {DUE} is not null group by all",
    ),
    "marts.daily_charges": (
        f"select charge_date, {KEYS}, sum(priced_recordings), sum(duration_seconds), sum(priced_minutes), sum(cost), "
        "sum(list_cost) from marts.daily_charges group by all",
        f"select created_at::date, {KEYS}, count(*), coalesce(sum(duration_seconds), 0), "
        "coalesce(sum(billed_minutes), 0), sum(cost), sum(case when currency = 'USD' and not is_credit then "
        f"coalesce(nullif(billed_minutes, 0) * {DUE}, cost) else cost end) from {FACT} as fact "
        f"where is_priced group by 1, {KEYS}",
    ),
    "marts.rate_differences": (
        f"select usage_date, {KEYS}, sum(difference) as difference from marts.rate_differences group by all "
        "having difference <> 0 and bool_and(difference = overcharged - undercharged)",
        f"select usage_date, {KEYS}, sum(cost - billed_minutes * {DUE}) as difference from {FACT} as fact "
        "where is_priced and billed_minutes > 0 and currency = 'USD' and not is_credit group by all "
        "having difference <> 0",
    ),
    # Every recording of A by day and of B by month; the charges; and parts that add up to the difference where both are
    # known.
    "marts.reconciliation": (
        "select against, account_sid, sum(our_recordings), sum(our_unpriced), sum(our_minutes), "
        "sum(coalesce(our_cost, 0)), sum(their_cost), "
        "sum(only_ours_amount + only_theirs_amount + quantity_amount + rate_amount + unpriced_amount) "
        "from marts.reconciliation group by all",
        f"select 'usage records', 'A', count(*), count(*) filter (where {WAITS}), coalesce(sum(billed_minutes), 0), "
        "coalesce(sum(cost), 0), (select sum(price) from landed.usage_records), "
        "(select sum(price) from landed.usage_records) - coalesce(sum(cost) filter "
        "(where usage_date in (select usage_date from landed.usage_records)), 0) "
        f"from {FACT} where account_sid = 'A' union all "
        f"select 'invoice', 'B', count(*), count(*) filter (where {WAITS}), coalesce(sum(billed_minutes), 0), "
        "coalesce(sum(cost), 0), (select sum(amount) from landed.invoices), "
        "(select sum(amount) from landed.invoices) - coalesce(sum(cost), 0) "
        f"from {FACT} where account_sid = 'B'",
    ),
    "marts.waste": (
        "select month, account_sid, currency, error_code, waste_kind, sum(recordings), sum(priced_recordings), "
        "sum(billed_minutes), sum(priced_minutes), sum(cost) from marts.waste group by all",
        "select date_trunc('month', usage_date), account_sid, currency, error_code, "
        "case when status not in ('failed', 'absent') then 'short' "
        "else status || if(status = 'failed' and cost > 0, '_and_charged', '') end as kind, "
        "count(*), count(cost), coalesce(sum(billed_minutes), 0), "
        f"coalesce(sum(billed_minutes) filter (where is_priced), 0), sum(cost) from {FACT} "
        "where status = 'failed' or status = 'absent' or duration_seconds < 5 group by all",
    ),
    "marts.last_readings": (
        "select account_sid, usage_date, read_at from marts.last_readings",
        "select account_sid, day, fetched_at from ops.coverage where recordings > 0 and fetched_at is not null",
    ),
    "marts.recordings_kept": (
        "select account_sid, sum(made_recordings), sum(made_minutes), sum(gone_recordings), sum(gone_minutes), "
        "sum(standing_recordings), sum(made_minutes - gone_minutes - standing_minutes) "
        "from marts.recordings_kept group by all",
        "select account_sid, count(*), coalesce(sum(billed_minutes), 0), count(gone), "
        "coalesce(sum(billed_minutes) filter (where gone is not null), 0), count(*) - count(gone), 0 "
        f"from (select *, {GONE_ON} as gone from {FACT} where {IS_STORED}) group by all",
    ),
    "marts.storage_rate_periods": (
        "select account_sid, currency, valid_from, price_per_minute_month from marts.storage_rate_periods",
        "select distinct kept.account_sid, currency, valid_from, price_per_minute_month "
        "from marts.recordings_kept as kept inner join landed.storage_rates as rates using (currency) "
        "where rates.account_sid = kept.account_sid or (rates.account_sid is null and not exists ("
        "select 1 from landed.storage_rates as own where own.account_sid = kept.account_sid "
        "and own.currency = rates.currency and own.valid_from <= rates.valid_from))",
    ),
    "marts.months_read": (
        "select month, account_sid, days_read, days_missing from marts.months_read where account_sid is not null",
        "select date_trunc('month', day), account_sid, count(*) filter (where is_covered), "
        f"count(*) filter (where not is_covered) from ({EVERY_DAY}) group by all",
    ),
    "marts.storage_days": (
        "select storage_date, account_sid, sum(standing_recordings), sum(standing_minutes) from marts.storage_days "
        "group by all having sum(standing_recordings) <> 0",
        f"select day::date, account_sid, count(*), coalesce(sum(billed_minutes), 0) {STANDING} group by all",
    ),
    # The days of a past month add up to its bill.
    "marts.storage_allowances": (
        "select storage_month, rate_account_sid, currency, chargeable_minute_days "
        "from marts.storage_allowances where storage_month < '2026-09-01' and chargeable_minute_days > 0",
        "select date_trunc('month', storage_date), rate_account_sid, currency, round(sum(chargeable_minutes)) "
        "from marts.storage_cost join marts.storage_days using (storage_date, account_sid, currency) "
        "where storage_date < '2026-09-01' group by all having sum(chargeable_minutes) > 0",
    ),
    "marts.storage_cost": (
        "select storage_date, account_sid, sum(standing_recordings), sum(standing_minutes) from marts.storage_cost "
        "group by all having sum(standing_recordings) <> 0",
        f"select day::date, account_sid, count(*), coalesce(sum(billed_minutes), 0) {STANDING} group by all",
    ),
    "marts.storage_by_month": (
        "select storage_month, account_sid, round(sum(minute_months), 6) from marts.storage_by_month "
        "group by all having sum(minute_months) > 0",
        "select date_trunc('month', day), account_sid, round(sum(billed_minutes) / day(last_day(max(day::date))), 6) "
        f"{STANDING} group by all having sum(billed_minutes) > 0",
    ),
    "marts.retention_candidates": (
        "select account_sid, from_age_days > 30, sum(standing_recordings), sum(standing_minutes) "
        "from marts.retention_candidates group by all",
        f"select account_sid, usage_date < date '{LAST_DAY}' - 30, count(*), coalesce(sum(billed_minutes), 0) "
        f"from {FACT} where {GONE_ON} is null and {IS_STORED} group by all",
    ),
    "marts.adjustment_items": (
        f"select recording_sid, found_at, month_found, kind, sign, charge_date, {KEYS}, is_priced, duration_seconds, "
        "cost from marts.adjustment_items",
        "select recording_sid, first_seen_at, date_trunc('month', first_seen_at), 'late recording', 1, "
        f"created_at::date, {KEYS}, is_priced, duration_seconds, cost from {FACT} "
        f"where {IN_CLOSED_MONTH} and first_seen_at > (select closed_at from landed.closed_months)",
    ),
    "marts.adjusted_recordings": (
        "select recording_sid, recordings_change, unpriced_recordings_change, cost_change "
        "from marts.adjusted_recordings",
        f"select recording_sid, 1, ({WAITS})::int, coalesce(cost, 0) from {FACT} "
        f"where {IN_CLOSED_MONTH} and first_seen_at > (select closed_at from landed.closed_months)",
    ),
    "marts.charge_corrections": (
        f"select month_found, charge_date, {KEYS}, priced_recordings_change, duration_seconds_change, "
        "priced_minutes_change, cost_change, list_cost_change from marts.charge_corrections",
        f"select date_trunc('month', first_seen_at), created_at::date, {KEYS}, count(*), "
        "coalesce(sum(duration_seconds), 0), coalesce(sum(billed_minutes), 0), sum(cost), sum(case when currency = "
        f"'USD' and not is_credit then coalesce(nullif(billed_minutes, 0) * {DUE}, cost) else cost end) "
        f"from {FACT} as fact where is_priced and {IN_CLOSED_MONTH} "
        f"and first_seen_at > (select closed_at from landed.closed_months) "
        f"and date_trunc('month', first_seen_at) > date_trunc('month', created_at) group by 1, 2, {KEYS}",
    ),
    "marts.adjustments": (
        f"select {KEYS}, sum(recordings_change) as more, sum(cost_change) as cost from marts.adjustments group by all "
        "having more <> 0 or cost <> 0",
        f"select {KEYS}, sum(more) as more, sum(cost) as cost from ("
        f"select {KEYS}, 1 as more, coalesce(cost, 0) as cost from {FACT} where {IN_CLOSED_MONTH} "
        f"union all select {KEYS}, -recordings, -coalesce(cost, 0) from landed.statements"
        ") group by all having more <> 0 or cost <> 0",
    ),
}
"""For each mart that is not a sum of all recordings: a query of it, and one of the recordings with the same result."""


_USD: Row = {
    "currency": "USD",
    "valid_from": "2026-08-08",
    "price_per_minute_month": "0.0005",
    "free_minutes": 7,
}
STORAGE_RATES: list[Row] = [
    _USD,
    {**_USD, "valid_from": "2026-08-20", "price_per_minute_month": "0.0007"},
    {
        **_USD,
        "account_sid": "B",
        "valid_from": "2026-09-03",
        "price_per_minute_month": "0.0003",
        "free_minutes": 2,
    },
    {**_USD, "valid_from": "2026-09-04", "free_minutes": 1},
    {**_USD, "currency": "EUR", "valid_from": "2026-01-01"},
]
"""Of all accounts; from September on one of B only, followed by another of all; one changes within a month."""


@st.composite
def ledgers(draw: st.DrawFn) -> list[Row]:
    """Return recordings of two accounts over some weeks: priced, unpriced, free, in other currencies, deleted."""
    count = draw(st.integers(0, 60))
    moments = st.integers(0, 30 * 24 * 60)
    rows: list[Row] = []
    for number in range(count):
        created_at = (
            f"{LAST_DAY - timedelta(days=draw(st.integers(0, 40)))}T{draw(st.integers(0, 23)):02}:30:00Z"
        )
        duration = draw(st.sampled_from([None, 0, 3, 59, 60, 61, 600]))
        rate = draw(st.sampled_from([None, "0", "0.0025", "0.004"]))
        minutes = -(-(duration or 0) // 60)
        price = None if rate is None else str(-Decimal(rate) * minutes)
        created = date.fromisoformat(created_at[:10])
        deleted = draw(st.sampled_from([None, None, None, draw(moments)]))
        rows.append(
            {
                "recording_sid": f"R{number:03}",
                "account_sid": draw(st.sampled_from("AB")),
                "source": draw(st.sampled_from(["DialVerb", "Conference"])),
                "status": draw(
                    st.sampled_from(["completed", "completed", "absent", "failed", "processing", "deleted"])
                ),
                "channels": draw(st.sampled_from([1, 2, None])),
                "duration_seconds": duration,
                # Now and then the other sign: a charge of A, and a credit of B unless there are more of them.
                "price": price if price is None or draw(st.integers(0, 5)) else price.replace("-", ""),
                "currency": draw(st.sampled_from(["USD", "USD", "EUR", "XXX"])),
                "created_at": created_at,
                "updated_at": f"{created + timedelta(days=2)}T01:00:00Z",
                "media_location": draw(st.sampled_from([None, "vendor", "external"])),
                "error_code": draw(st.sampled_from([None, None, "13221"])),
                "first_seen_at": created_at if number % 3 else f"{created + timedelta(days=20)}T06:00:00Z",
                "first_priced_at": None
                if price is None
                else f"{created + timedelta(days=draw(st.integers(1, 20)))}T06:00:00Z",
                "deleted_at": None
                if deleted is None
                else f"{created + timedelta(minutes=deleted) + timedelta(days=1)}T07:00:00Z",
            }
        )
    return rows


def bills() -> Mapping[str, list[Row]]:
    """Make charges: of A by day, some not read yet; of B by month and in two currencies."""
    days = [LAST_DAY - timedelta(days=number) for number in range(45)]
    usage: list[Row] = [
        {
            "account_sid": "A",
            "usage_date": day,
            "currency": "USD" if number % 3 else None,
            "recordings": number % 3,
            "minutes": f"{number % 3 * 2}",
            "price": "0.0105" if number % 3 else "0",
        }
        for number, day in enumerate(days)
        if number % 4
    ]
    invoices: list[Row] = [
        {
            "account_sid": "B",
            "month": month,
            "category": "recordings",
            "quantity": "17",
            "amount": "0.0425",
            "currency": currency,
        }
        for month in ("2026-08-01", "2026-09-01")
        for currency in ("USD", "EUR")
    ]
    return {
        "landed.account_days": [
            {
                "account_sid": sid,
                "day": day,
                # August of B can be compared with other months.
                "is_covered": day.day % 5 > 0 or (sid == "B" and day.month == 8),
                "has_usage_list": sid == "A",
            }
            for sid in "AB"
            for day in days
        ],
        "landed.usage_records": usage,
        "landed.invoices": invoices,
    }


@contextmanager
def warehouse_of(
    recordings: list[Row], models: Sequence[Model] = MODELS
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Build the models over these recordings, with the other tables of a run."""
    beside: Mapping[str, list[Row]] = {
        "landed.settings": [
            {
                "reporting_timezone": "UTC",
                "as_of": LAST_DAY.isoformat(),
                "settle_days": 90,
                "accrual_rate_days": 30,
                "anomaly_window_days": 56,
                "anomaly_deviations": "4.5",
                "anomaly_min_share": "0.25",
                "short_recording_seconds": 5,
                "bill_tolerance_amount": "0.01",
                "bill_tolerance_share": "0",
                "bill_tolerance_minutes": "5",
                "bill_tolerance_recordings": 1,
                "unpriced_share_warning": "0.1",
            }
        ],
        "landed.budgets": [
            {"account_sid": sid, "valid_from": "2026-08-01", "currency": currency, "amount": "0.1"}
            for sid in (None, "A")
            for currency in ("USD", "EUR", "XXX")
        ],
        "landed.accounts": [
            {"account_sid": sid, "account_name": f"name of {sid}", "credits": credits}
            for sid, credits in (("A", "count"), ("B", "net"))
        ],
        "landed.rate_card": RATE_CARD,
        "landed.recordings": recordings,
        "ops.coverage": [
            {
                "account_sid": sid,
                "day": day,
                "is_covered": True,
                "fetched_at": f"{day}T23:00:00Z",
                "recordings": 1,
            }
            for sid, day in {(row["account_sid"], str(row["created_at"])[:10]) for row in recordings}
        ],
        "landed.storage_rates": STORAGE_RATES,
        **bills(),
        "landed.closed_months": [{"month": "2026-08-01", "closed_at": "2026-08-25T00:00:00Z"}],
        "landed.statements": [
            {
                **{"month": "2026-08-01", "account_sid": sid, "source": "DialVerb", "currency": currency},
                **{
                    "channels": channels,
                    "recordings": 2,
                    "unpriced_recordings": 1,
                    "billed_minutes": 3,
                    "cost": cost,
                },
            }
            for sid, channels, currency, cost in (
                ("A", 1, "USD", "0.01"),
                ("A", None, "XXX", None),
                ("C", 2, "EUR", "0.02"),
            )
        ],
    }
    with connect() as connection:
        for name in {name for model in models for name in references(model.sql, model.file)} & GIVEN.keys():
            create(connection, name, beside.get(name, []))
        for model in models:
            build(connection, model)
        yield connection


def differences(connection: duckdb.DuckDBPyConnection, mart: str) -> Sequence[object]:
    """Return the rows of one query that are not in the other."""
    found, expected = TOTALS[mart]
    return connection.execute(
        f"(({found}) except all ({expected})) union all (({expected}) except all ({found}))"
    ).fetchall()


@given(ledgers())
@settings(max_examples=4, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_every_mart_adds_up_to_its_recordings(recordings: list[Row]) -> None:
    with warehouse_of(recordings) as connection:
        assert {mart: differences(connection, mart) for mart in TOTALS} == {mart: [] for mart in TOTALS}


def plain_ledger() -> list[Row]:
    """Make two accounts with every kind of recording, two weeks at each of two rates, ten hours on the last day."""
    days = [date(2026, 8, 15) + timedelta(days=number // 4) for number in range(120)]
    rows: list[Row] = [
        {
            "recording_sid": f"R{number:03}",
            "account_sid": "AB"[number % 2],
            "source": "DialVerb",
            "status": ["completed", "failed", "absent"][number % 3],
            "channels": 1,
            "duration_seconds": 61 if number % 5 else 3,
            "price": None if number % 7 == 0 else "-0.005" if number < 60 else "-0.008",
            "currency": "USD",
            "created_at": f"{day}T10:00:00Z",
            "first_seen_at": f"{day + timedelta(days=25 if number % 13 == 1 else 0)}T11:00:00Z",
            "first_priced_at": None
            if number % 7 == 0
            else f"{date(2026, 8, 18) + timedelta(days=number // 4)}T11:00:00Z",
            "deleted_at": "2026-09-13T10:00:00Z" if number % 11 == 0 else None,
        }
        for number, day in enumerate(days)
    ]
    ten_hours = {"recording_sid": "R120", "duration_seconds": 36_000, "price": "-2.4", "deleted_at": None}
    return [*rows, {**rows[-1], **ten_hours}]


# Marts without rows here: a shift needs six weeks, a tier two months, a replaced rate two pairs that take turns, and
# rates side by side 14 days with both.
PLANTED = {
    **{
        mart: f"insert into {mart} (account_sid, source, currency, lower_rate, higher_rate) "
        "values ('A', 'DialVerb', 'USD', 1, 2)"
        for mart in (
            *("marts.volume_tiers", "marts.rate_replacements"),
            *("marts.shared_stretches", "marts.rates_side_by_side"),
        )
    },
    "marts.spend_shifts": "insert into marts.spend_shifts (since, account_sid, currency) "
    "values (date '2026-09-01', 'A', 'USD')",
}


@pytest.mark.parametrize("mart", TOTALS)
def test_planted_row_is_detected(mart: str, plain: duckdb.DuckDBPyConnection) -> None:
    assert differences(plain, mart) == []
    insert = PLANTED.get(mart, f"insert into {mart} select * from {mart} limit 1")
    (planted,) = plain.execute(insert).fetchone() or (0,)
    assert planted == 1
    assert differences(plain, mart) != []


def test_every_mart_is_checked_against_its_recordings() -> None:
    """By its total here, or by the check `marts_sum_to_fact` if it counts every recording."""
    marts = [model for model in MODELS if model.name.startswith("marts.") and model.name != FACT]
    derived = {model.name for model in marts if not model.twin.columns.keys() >= SPEND}
    assert derived == TOTALS.keys()
