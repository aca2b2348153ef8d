"""Which tables are worked out, by which function, and what identifies their rows."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from tests.whole_runs.recomputed import recordings
from tests.whole_runs.recomputed.figures import (
    bill,
    charges,
    closing,
    coverage,
    estimates,
    months,
    rates,
    spend,
    storage,
    unpriced,
    waste,
)
from tests.whole_runs.recomputed.figures.outlook import budgets, forecast, shifts, trends, unusual
from tests.whole_runs.recomputed.figures.spend import CELL
from tests.whole_runs.recomputed.given import Given
from tests.whole_runs.recomputed.values import Row


class Table(NamedTuple):
    """A table of the warehouse: its key, and its rows from what is given and the recordings."""

    name: str
    key: Sequence[str]
    rows: Callable[[Given, Sequence[Row]], Iterable[Row]]


def _breakdown(name: str, column: str) -> Table:
    return Table(
        f"marts.{name}",
        ("month", column, "currency"),
        lambda given, facts: spend.breakdown(given, facts, column),
    )


_MEASURED = ("usage_date", "account_sid", "currency", "measure")

TABLES = (
    Table("marts.fct_recordings", ("recording_sid",), lambda _, facts: facts),
    Table(
        "ops.corrections",
        ("recording_sid", "seen_at"),
        lambda given, _: recordings.corrections(given.recordings),
    ),
    Table("marts.daily_spend", ("usage_date", *CELL), spend.daily_spend),
    Table("marts.daily_spend_detail", spend.DETAIL, spend.daily_spend_detail),
    *(_breakdown(name, column) for name, column in spend.BREAKDOWNS.items()),
    Table("marts.monthly_spend", ("month", *CELL), spend.monthly_spend),
    Table("marts.monthly_totals", ("month", *CELL), spend.monthly_totals),
    Table("marts.months_read", ("month", "account_sid"), lambda given, _: months.months_read(given)),
    Table("marts.effective_rates", ("usage_date", *CELL), rates.effective_rates),
    Table("marts.rate_changes", (*CELL, "changed_on"), rates.rate_changes),
    Table("marts.rates_in_turn", (*CELL, "since", "lower_rate", "higher_rate"), rates.rates_in_turn),
    Table(
        "marts.rate_periods",
        ("account_sid", "source", "channels", "currency", "valid_from"),
        rates.rate_periods,
    ),
    Table("marts.rates_due", ("usage_date", *CELL), rates.rates_due),
    Table("marts.rate_differences", ("usage_date", *CELL), rates.rate_differences),
    Table(
        "marts.unpriced_backlog",
        ("account_sid", "status", "currency", "age_bucket"),
        unpriced.unpriced_backlog,
    ),
    Table("marts.price_settlement", ("month", "account_sid"), unpriced.price_settlement),
    Table("landed.statements", ("month", *CELL), lambda given, _: closing.statements(given)),
    Table(
        "marts.adjustment_items",
        ("recording_sid", "found_at", "kind", "sign"),
        lambda given, _: closing.adjustment_items(given),
    ),
    Table(
        "marts.adjusted_recordings",
        ("recording_sid", "found_at", "month", *CELL[1:], "kind"),
        lambda given, _: closing.adjusted_recordings(given),
    ),
    Table(
        "marts.adjustments",
        ("month_found", "month", *CELL, "kind"),
        closing.adjustments,
    ),
    Table("marts.waste", ("month", "account_sid", "waste_kind", "error_code", "currency"), waste.waste),
    Table("marts.daily_charges", ("charge_date", *CELL, "is_credit"), charges.daily_charges),
    Table(
        "marts.charge_corrections",
        ("month_found", "charge_date", *CELL, "is_credit"),
        charges.charge_corrections,
    ),
    Table(
        "landed.usage_records",
        ("account_sid", "usage_date", "currency"),
        lambda given, _: bill.usage_records(given),
    ),
    Table(
        "marts.reconciliation", ("against", "period_start", "account_sid", "currency"), bill.reconciliation
    ),
    Table("marts.last_readings", ("account_sid", "usage_date"), coverage.last_readings),
    Table("marts.recordings_kept", ("account_sid", "currency", "day"), storage.recordings_kept),
    Table(
        "marts.storage_rate_periods", ("account_sid", "currency", "valid_from"), storage.storage_rate_periods
    ),
    Table("marts.storage_days", ("storage_date", "account_sid", "currency"), storage.storage_days),
    Table(
        "marts.storage_allowances",
        ("storage_month", "rate_account_sid", "currency"),
        storage.storage_allowances,
    ),
    Table("marts.storage_cost", ("storage_date", "account_sid", "currency"), storage.storage_cost),
    Table("marts.storage_by_month", ("storage_month", "account_sid", "currency"), storage.storage_by_month),
    Table(
        "marts.retention_candidates", ("account_sid", "currency", "age_bucket"), storage.retention_candidates
    ),
    Table("marts.charge_signs", ("account_sid", "month"), lambda given, _: closing.charge_signs(given)),
    Table("landed.closed_terms", ("month", "account_sid"), lambda given, _: closing.closed_terms(given)),
    Table("landed.closed_months", ("month",), lambda given, _: closing.closed_months(given)),
    Table("landed.unread_days", ("account_sid", "day"), coverage.unread_days),
    Table("marts.expected_rates", ("rate_source", *CELL), estimates.expected_rates),
    Table("marts.unpriced_estimates", ("usage_date", *CELL), estimates.unpriced_estimates),
    Table("marts.expected_daily_spend", ("usage_date", *CELL), estimates.expected_daily_spend),
    Table("marts.account_days", ("usage_date", "account_sid", "currency"), estimates.account_days),
    Table("marts.accruals", ("month", *CELL, "rate_source"), estimates.accruals),
    Table("marts.budget_months", ("month", "account_sid", "currency"), budgets.budget_months),
    Table("marts.budgets", ("month", "account_sid", "currency"), budgets.budgets),
    Table("marts.usual_days", ("usage_date", "account_sid", "currency"), trends.usual_days),
    Table("marts.weekday_pattern", ("account_sid", "currency", "weekday"), trends.weekday_pattern),
    Table("marts.spend_weeks", ("account_sid", "currency", "weeks_ago"), trends.spend_weeks),
    Table("marts.spend_moves", ("account_sid", "currency"), trends.spend_moves),
    Table("marts.spend_trends", ("account_sid", "currency"), forecast.spend_trends),
    Table("marts.forecast_days", ("usage_date", "account_sid", "currency"), forecast.forecast_days),
    Table("marts.forecast", ("account_sid", "currency"), forecast.forecast),
    Table("marts.daily_spreads", _MEASURED, unusual.daily_spreads),
    Table("marts.daily_ranges", _MEASURED, unusual.daily_ranges),
    Table("marts.anomalies", _MEASURED, unusual.anomalies),
    Table("marts.daily_levels", ("usage_date", "account_sid", "currency"), shifts.daily_levels),
    Table("marts.spend_shifts", ("since", "account_sid", "currency"), shifts.spend_shifts),
    Table("ops.coverage", ("account_sid", "day"), coverage.coverage),
    Table("ops.landings", ("landing",), lambda given, _: coverage.landings(given)),
)

REPORTS = (
    Table("reports.focus", charges.FOCUS_KEY, charges.focus),
    Table("reports.holes", ("account_sid", "first_day"), coverage.holes),
)
"""Tables that are not in the warehouse, but written as a CSV file."""
