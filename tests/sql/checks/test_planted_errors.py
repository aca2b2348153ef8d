"""Errors that a model could make are found by a check that names the kind, in a warehouse with every mart."""

import duckdb
import pytest

from flows.stores.warehouse.checks import run_check
from tests.support.sql.tables import CHECKS, MODELS

_CHECKS = {check.name: check for check in CHECKS}


def _exchanged(table: str, column: str, one: str, other: str) -> str:
    return f"update {table} set {column} = case {column} when '{one}' then '{other}' else '{one}' end"


PLANTED = [
    ("days_follow_the_time_zone", "update marts.daily_spend_detail set usage_date = usage_date + 1"),
    ("lake_equals_fact", _exchanged("marts.fct_recordings", "account_sid", "A", "B")),
    ("lake_equals_fact", "update marts.fct_recordings set source = 'Trunking' where channels = 1"),
    ("marts_sum_to_fact", _exchanged("marts.daily_spend_detail", "account_sid", "A", "B")),
    ("marts_sum_to_fact", _exchanged("marts.daily_spend", "account_sid", "A", "B")),
    ("marts_sum_to_fact", "update marts.daily_spend set usage_date = usage_date + 1"),
    ("marts_sum_to_fact", "update marts.spend_by_source set source = 'Trunking'"),
    ("marts_sum_to_fact", "update marts.spend_by_account set billed_minutes = billed_minutes * 60"),
    ("marts_sum_to_fact", "update marts.effective_rates set priced_minutes = 2 * priced_minutes"),
    ("marts_sum_to_fact", "update marts.daily_charges set cost = 2 * cost"),
    ("marts_sum_to_fact", "delete from marts.waste"),
    ("marts_sum_to_fact", "update marts.waste set cost = 2 * cost"),
    ("marts_sum_to_fact", "delete from marts.unpriced_backlog where age_bucket like '8%'"),
    ("marts_sum_to_fact", "update marts.accruals set unpriced_minutes = 2 * unpriced_minutes"),
    ("marts_sum_to_fact", _exchanged("marts.accruals", "account_sid", "A", "B")),
    ("marts_sum_to_fact", "update marts.price_settlement set recordings = recordings + 1"),
    ("marts_sum_to_fact", "update marts.expected_daily_spend set cost = 2 * cost"),
    ("marts_sum_to_fact", "update marts.account_days set billed_minutes = 60 * billed_minutes"),
    ("effects_sum_to_change", "update marts.monthly_spend set volume_effect = 2 * volume_effect"),
    ("effects_sum_to_change", "update marts.monthly_spend set change = change + 1"),
    ("effects_sum_to_change", "update marts.monthly_spend set cost_before = coalesce(cost_before, 0) + 1"),
    ("estimates_agree", "update marts.accruals set accrual = 2 * accrual"),
    ("estimates_agree", "update marts.expected_daily_spend set expected_cost = cost"),
    ("estimates_agree", "delete from marts.accruals"),
    ("estimates_use_known_rates", "update marts.unpriced_estimates set estimate = 2 * estimate"),
    (
        "estimates_use_known_rates",
        "update marts.unpriced_estimates set expected_rate = 2, estimate = 2 * unpriced_minutes",
    ),
    ("marts_sum_to_fact", "delete from marts.unpriced_estimates"),
    ("forecast_adds_up", "update marts.forecast set expected_cost = 2 * expected_cost"),
    ("forecast_adds_up", "update marts.forecast set cost = 2 * cost"),
    ("forecast_adds_up", "update marts.forecast set high_cost = low_cost"),
    ("forecast_adds_up", "delete from marts.forecast_days where is_forecast"),
    ("forecast_is_unlike_the_past", "update marts.forecast_days set expected_cost = 2 * expected_cost"),
    ("forecast_is_unlike_the_past", "update marts.forecast_days set expected_cost = expected_cost / 10"),
    (
        "budgets_follow_spend",
        "update marts.budgets set budget_status = 'within' where budget_status <> 'within'",
    ),
    (
        "budgets_follow_spend",
        "update marts.budgets set budget_status = 'exceeded' where budget_status <> 'exceeded'",
    ),
    ("budgets_follow_spend", "update marts.budgets set cost = coalesce(cost, 0) + 1"),
    ("budgets_follow_spend", "update marts.budgets set budget = 2 * budget"),
    ("budgets_follow_spend", "update marts.budgets set runs_out_on = null where expected_cost > budget"),
    ("budgets_follow_spend", "delete from marts.budgets where account_sid is null"),
    (
        "waste_is_part_of_spend",
        "update marts.waste set cost_percent = 2 * cost_percent where cost_percent > 0",
    ),
    ("reconciliation_equals_bill", "delete from marts.reconciliation"),
    ("reconciliation_equals_bill", "update marts.reconciliation set their_cost = their_cost * 2"),
    ("reconciliation_equals_bill", "update marts.reconciliation set our_cost = our_cost * 2"),
    ("reconciliation_equals_bill", "update marts.reconciliation set their_minutes = their_minutes + 1"),
    ("reconciliation_equals_bill", "update marts.reconciliation set rate_amount = rate_amount + 1"),
    ("reconciliation_equals_bill", "update marts.reconciliation set difference = difference + 1"),
    ("storage_equals_kept", "update marts.storage_cost set storage_cost = 2 * storage_cost"),
    ("storage_equals_kept", "update marts.storage_cost set standing_minutes = 2 * standing_minutes"),
    ("storage_equals_kept", "update marts.storage_cost set chargeable_minutes = standing_minutes + 1"),
    ("storage_equals_kept", "update marts.storage_by_month set storage_cost = 2 * storage_cost"),
    ("storage_equals_kept", "delete from marts.storage_by_month"),
    ("storage_equals_kept", "delete from marts.storage_cost"),
    ("storage_equals_kept", "delete from marts.retention_candidates"),
]


def _another(type_: str, column: str) -> str:
    """Return SQL for another value of a column."""
    if type_ == "BOOLEAN":
        return f"not coalesce({column}, false)"
    return f"concat({column}, 'x')" if type_ == "VARCHAR" else f"coalesce({column}, 0) + 1"


PLANTED += [
    ("columns_equal_their_sources", f"update {model.name} set {name} = {_another(column.type, name)}")
    for model in MODELS
    for name, column in model.twin.columns.items()
    if column.equals
]
PLANTED += [
    ("month_marks_agree", f"update {model.name} set {name} = {_another(model.twin.columns[name].type, name)}")
    for model in MODELS
    for name in ("is_running", "days_read", "days_missing")
    if name in model.twin.columns
    if model.name.startswith("marts.")
]
# Marts without rows here.
WITH_ROWS = {
    "marts.spend_shifts": "insert into marts.spend_shifts (since, account_sid, currency, level_before, level_after, "
    "change, change_percent) values (date '2026-09-01', 'A', 'USD', 3, 2, -1, -33.33)",
}


@pytest.mark.parametrize(("name", "plant"), PLANTED, ids=lambda text: text[:60])
def test_planted_error_is_found(plain: duckdb.DuckDBPyConnection, name: str, plant: str) -> None:
    check = _CHECKS[name]
    for mart, insert in WITH_ROWS.items():
        if f"update {mart} " in plant:
            plain.execute(insert)
    assert run_check(plain, check).is_passed
    changed = plain.execute(plant).fetchall()
    assert changed[0][0] > 0, "planted nothing"
    assert not run_check(plain, check).is_passed
