"""Which figures are findings, and what they say."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from transforms.monitor import figure_findings as figures

AS_OF = date(2026, 9, 30)
ACCOUNT = {"account_sid": "A1", "account_name": "support", "currency": "USD"}
RECORDED = {**ACCOUNT, "source": "DialVerb", "channels": 2}


def missing(sid: str, *days: date) -> list[dict[str, Any]]:
    return [{"account_sid": sid, "account_name": f"name of {sid}", "day": day} for day in days]


def test_neighbouring_unread_days_of_an_account_are_one_gap() -> None:
    found = figures.holes(
        [
            *missing("A1", date(2026, 8, 31), date(2026, 9, 1), date(2026, 9, 3)),
            *missing("A2", date(2026, 9, 4)),
        ]
    )
    assert [finding.key for finding in found] == [
        "holes.found A1 2026-08-31",
        "holes.found A1 2026-09-03",
        "holes.found A2 2026-09-04",
    ]
    assert [finding.sentence for finding in found[:2]] == [
        "name of A1: 2 days were not read, 2026-08-31 to 2026-09-01 (UTC). No figure includes these days.",
        "name of A1: 1 day was not read, 2026-09-03 (UTC). No figure includes these days.",
    ]
    assert found[0].facts == {
        "account_sid": "A1",
        "account_name": "name of A1",
        "first_day": "2026-08-31",
        "last_day": "2026-09-01",
        "days": "2",
    }


def test_growing_gap_is_the_same_finding() -> None:
    days = [date(2026, 9, 1) + timedelta(days=n) for n in range(9)]
    assert {figures.holes(missing("A1", *days[:n]))[0].key for n in range(1, 9)} == {
        "holes.found A1 2026-09-01"
    }


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
        **values,
    }


def test_budget_finding_for_exceeded_and_expected() -> None:
    coming = budget(cost=Decimal(400), budget_status="will be exceeded", account_sid=None, account_name=None)
    passed, expected = figures.budgets([budget(), coming, budget(budget_status="within")], AS_OF)
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
    (found,) = figures.budgets([budget(budget=Decimal("0E-9"), used_percent=None)], AS_OF)
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
    assert bool(figures.budgets([budget(month=month)], as_of)) == is_reported


def anomaly(day: date, value: str = "31.2", **values: Any) -> dict[str, Any]:
    return {
        **ACCOUNT,
        "usage_date": day,
        "measure": "cost",
        "value": Decimal(value),
        "median": Decimal("12"),
        "lower_bound": Decimal("9.6"),
        "upper_bound": Decimal("14.4"),
        "difference": Decimal(value) - 12,
        "source": "DialVerb",
        "source_difference": Decimal("18.123456789") if Decimal(value) > 12 else Decimal("-9"),
        **values,
    }


def test_anomalies_on_successive_days_are_one_finding() -> None:
    days = [anomaly(date(2026, 9, day), "40" if day == 21 else "31.2") for day in (20, 21, 22)]
    (found,) = figures.anomalies(days, AS_OF)
    assert found.key == "anomaly.found 2026-09-20 A1 USD cost more"
    assert found.sentence == (
        "support: about 40.00 USD on 2026-09-21, more than the usual 9.60 to 14.40; mainly DialVerb (+18.12), and "
        "more than usual on every day from 2026-09-20 to 2026-09-22."
    )
    assert (found.facts["first_day"], found.facts["last_day"], found.facts["value"]) == (
        "2026-09-20",
        "2026-09-22",
        "40",
    )
    assert [finding.key for finding in figures.anomalies(days[:1], AS_OF)] == [found.key]


def test_anomalies_differ_by_gap_direction_and_measure() -> None:
    found = figures.anomalies(
        [
            anomaly(date(2026, 9, 20)),
            anomaly(date(2026, 9, 21), "3"),
            anomaly(date(2026, 9, 22)),
            anomaly(date(2026, 9, 22), "3", measure="minutes", currency="EUR"),
        ],
        AS_OF,
    )
    assert sorted(finding.subject for finding in found) == [
        "2026-09-20 A1 USD cost more",
        "2026-09-21 A1 USD cost less",
        "2026-09-22 A1 EUR minutes less",
        "2026-09-22 A1 USD cost more",
    ]
    (minutes,) = [finding for finding in found if "minutes" in finding.subject]
    assert minutes.sentence == (
        "support: 3 minutes (EUR) on 2026-09-22, less than the usual 10 to 14; mainly DialVerb (-9)."
    )


def test_anomaly_findings_are_recent_and_newest_first() -> None:
    long = [anomaly(AS_OF - timedelta(days=days)) for days in range(60)]
    old = [anomaly(AS_OF - timedelta(days=days), account_sid="A2") for days in (45, 44)]
    older = [anomaly(AS_OF - timedelta(days=45), account_sid="A3")]
    assert [
        finding.subject.partition(" USD")[0] for finding in figures.anomalies([*older, *old, *long], AS_OF)
    ] == [
        f"{AS_OF - timedelta(days=59)} A1",
        f"{AS_OF - timedelta(days=45)} A2",
    ]


def test_rate_change_finding_for_recent_changes() -> None:
    row = {
        **RECORDED,
        "changed_on": date(2026, 9, 16),
        "rate_before": Decimal("0.005400"),
        "rate_after": Decimal("0.005800"),
        "change_percent": Decimal("7.41"),
    }
    old = {**row, "changed_on": AS_OF - timedelta(days=figures.RECENT_DAYS)}
    mono = {**row, "channels": 1, "rate_before": Decimal("0.000000"), "change_percent": None}
    found, other = figures.rate_changes([row, old, mono], AS_OF)
    assert found.key == "rate.changed 2026-09-16 A1 DialVerb 2 USD"
    assert found.sentence == (
        "support: since 2026-09-16 a minute of DialVerb (2 channels) costs 0.0058 USD instead of 0.0054 USD (+7.41 %)."
    )
    assert other.sentence.endswith("of DialVerb (1 channel) costs 0.0058 USD instead of 0.0000 USD.")


def difference(amount: str, **values: Any) -> dict[str, Any]:
    return {
        **RECORDED,
        "first_day": date(2026, 9, 1),
        "last_day": date(2026, 9, 30),
        "priced_minutes": 1000,
        "cost": Decimal("2.500000000") + Decimal(amount),
        "cost_due": Decimal("2.500000000"),
        "difference": Decimal(amount),
        **values,
    }


def test_rate_difference_over_many_days_is_one_finding() -> None:
    found, less = figures.rate_differences([difference("0.3"), difference("-0.3", channels=None)])
    assert (found.subject, less.subject) == ("A1 DialVerb 2 USD more", "A1 DialVerb None USD less")
    assert found.sentence == (
        "support: 2.80 USD was charged for 1,000 minutes of DialVerb (2 channels), 2026-09-01 to 2026-09-30: "
        "0.30 USD more than the rate card says."
    )
    assert "DialVerb (unknown channels)" in less.sentence


def test_rate_difference_below_six_decimals_is_rounding() -> None:
    assert figures.rate_differences([difference("0.000499999"), difference("-0.000000001")]) == []
    assert len(figures.rate_differences([difference("0.0005"), difference("-0.0005")])) == 2


def bill(**values: Any) -> dict[str, Any]:
    return {
        **ACCOUNT,
        "against": "usage records",
        "period_start": date(2026, 9, 20),
        "their_cost": Decimal("12.500000000"),
        "difference": Decimal("2.500000000"),
        "class": "rate",
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
    of_day, of_month = figures.bills([bill(), invoice], AS_OF)
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
    assert bool(figures.bills([bill(**values)], AS_OF)) == is_reported
