"""Findings: bills."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from transforms.monitor.bills import bills

AS_OF = date(2026, 9, 30)
ACCOUNT = {"account_sid": "A1", "account_name": "support", "currency": "USD"}


def bill(**values: Any) -> dict[str, Any]:
    return {
        **ACCOUNT,
        "against": "usage records",
        "period_start": date(2026, 9, 20),
        "their_cost": Decimal("12.500000000"),
        "difference": Decimal("2.500000000"),
        "class": "rate",
        "our_recordings": 10,
        "our_minutes": 10,
        "their_recordings": 10,
        "their_minutes": Decimal("10.000000000"),
        "recordings_apart": 0,
        "minutes_apart": Decimal("0.000000000"),
        "is_within_tolerance": False,
        "note": None,
        **values,
    }


def test_bill_difference_finding() -> None:
    invoice = bill(
        against="invoice",
        period_start=date(2026, 8, 1),
        difference=Decimal("-1"),
        note="days not read whole: 2",
    )
    of_day, of_month = bills([bill(), invoice], AS_OF)
    assert (of_day.subject, of_month.subject) == (
        "usage records 2026-09-20 A1 USD",
        "invoice 2026-08-01 A1 USD",
    )
    assert of_day.sentence == (
        "support: the provider's usage record of 2026-09-20 (UTC) shows 12.50 USD, 2.50 USD more than the recordings "
        "cost (main reason: rate)."
    )
    assert of_month.sentence == (
        "support: the invoice of 2026-08 (UTC) shows 12.50 USD, 1.00 USD less than the recordings cost "
        "(main reason: rate; days not read whole: 2)."
    )


def test_bill_finding_names_quantities_that_differ() -> None:
    counts = {"their_minutes": Decimal("1600.000000000"), "minutes_apart": Decimal(1590), "class": "quantity"}
    of_day, of_month = bills(
        [
            bill(**counts, their_recordings=25, recordings_apart=15, difference=Decimal("0.000000000")),
            bill(**counts, against="invoice", their_recordings=None, recordings_apart=None),
        ],
        AS_OF,
    )
    assert of_day.sentence == (
        "support: the provider's usage record of 2026-09-20 (UTC) shows 12.50 USD, as much as the recordings cost, "
        "and counts 25 recordings and 1,600 minutes where we have 10 and 10 (main reason: quantity)."
    )
    assert of_month.sentence.endswith(
        "2.50 USD more than the recordings cost, and counts 1,600 minutes where we have 10 (main reason: quantity)."
    )


@pytest.mark.parametrize(
    ("values", "is_reported"),
    [
        ({"is_within_tolerance": True}, False),
        ({"is_within_tolerance": None}, False),
        ({"period_start": AS_OF - timedelta(days=44)}, True),
        ({"period_start": AS_OF - timedelta(days=45)}, False),
        ({"against": "invoice", "period_start": AS_OF - timedelta(days=99)}, True),
        ({"against": "invoice", "period_start": AS_OF - timedelta(days=100)}, False),
        ({"class": "unpriced", "period_start": AS_OF - timedelta(days=6)}, False),
        ({"class": "unpriced", "period_start": AS_OF - timedelta(days=7)}, True),
        ({"class": "rate", "period_start": AS_OF}, True),
    ],
)
def test_bill_findings_cover_only_relevant_bills(values: dict[str, Any], is_reported: bool) -> None:
    assert bool(bills([bill(**values)], AS_OF)) == is_reported
