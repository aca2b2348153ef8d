"""Findings: budgets."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from transforms.monitor.budgets import budgets

AS_OF = date(2026, 9, 30)
ACCOUNT = {"account_sid": "A1", "account_name": "support", "currency": "USD"}


def budget(**values: Any) -> dict[str, Any]:
    return {
        **ACCOUNT,
        "month": date(2026, 9, 1),
        "budget": Decimal("500.000000000"),
        "cost": Decimal("512.340000000"),
        "expected_cost": Decimal("540.123456789"),
        "used_percent": Decimal("102.47"),
        "expected_percent": Decimal("108.02"),
        "runs_out_on": date(2026, 9, 24),
        "budget_status": "exceeded",
        "unestimated_recordings": 0,
        "unestimated_since": None,
        **values,
    }


def test_budget_finding_for_exceeded_and_expected() -> None:
    coming = budget(cost=Decimal(400), budget_status="will be exceeded", account_sid=None, account_name=None)
    passed, expected = budgets([budget(), coming, budget(budget_status="within")], AS_OF)
    assert (passed.key, expected.key) == ("budget.exceeded 2026-09 A1 USD", "budget.expected 2026-09 all USD")
    assert passed.sentence == (
        "support: 512.34 USD (102.47 %) was spent in 2026-09, above the budget of 500.00 USD."
    )
    assert expected.sentence == (
        "All accounts together: about 540.12 USD (108.02 %) is expected for 2026-09, above the budget of "
        "500.00 USD; it will be used up on 2026-09-24."
    )
    assert passed.facts["cost"] == "512.340000000"


def test_budget_finding_of_a_zero_budget_has_no_percentage() -> None:
    (found,) = budgets([budget(budget=Decimal("0E-9"), used_percent=None)], AS_OF)
    assert found.sentence == "support: 512.34 USD was spent in 2026-09, above the budget of 0.00 USD."


@pytest.mark.parametrize(
    ("month", "as_of", "is_reported"),
    [
        (date(2026, 9, 1), AS_OF, True),
        (date(2026, 8, 1), AS_OF, True),
        (date(2026, 7, 1), AS_OF, False),
        (date(2025, 12, 1), date(2026, 1, 1), True),
        (date(2025, 11, 1), date(2026, 1, 31), False),
    ],
)
def test_budget_findings_cover_this_and_the_previous_month(
    month: date, as_of: date, is_reported: bool
) -> None:
    assert bool(budgets([budget(month=month)], as_of)) == is_reported


def test_budget_finding_shows_large_percentages_with_separators() -> None:
    (found,) = budgets([budget(used_percent=Decimal("22525.00"))], AS_OF)
    assert "(22,525.00 %)" in found.sentence


def unknown(since: date | None, **values: Any) -> dict[str, Any]:
    return budget(
        budget_status="not known",
        expected_cost=Decimal("400.123456789"),
        unestimated_recordings=1200,
        unestimated_since=since,
        **values,
    )


def test_budget_that_cannot_be_judged_is_a_finding_after_a_week() -> None:
    (found,) = budgets([unknown(date(2026, 9, 23)), unknown(date(2026, 9, 24)), unknown(None)], AS_OF)
    assert found.key == "budget.unknown 2026-09 A1 USD"
    assert found.sentence == (
        "support: whether the budget of 500.00 USD for 2026-09 holds is not known, because 1,200 recordings have "
        "neither a price nor an estimate since 2026-09-23; about 400.12 USD is expected without them."
    )


def test_budget_finding_without_any_estimate_says_so() -> None:
    (found,) = budgets([{**unknown(date(2026, 9, 1)), "expected_cost": None}], AS_OF)
    assert found.sentence.endswith("; nothing is known yet.")
