"""Findings: unusual days."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from transforms.monitor.unusual_days import anomalies

AS_OF = date(2026, 9, 30)
ACCOUNT = {"account_sid": "A1", "account_name": "support", "currency": "USD"}


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
    (found,) = anomalies(days, AS_OF)
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
    assert [finding.key for finding in anomalies(days[:1], AS_OF)] == [found.key]


def test_anomalies_differ_by_gap_direction_and_measure() -> None:
    found = anomalies(
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
    assert [finding.subject.partition(" USD")[0] for finding in anomalies([*older, *old, *long], AS_OF)] == [
        f"{AS_OF - timedelta(days=59)} A1",
        f"{AS_OF - timedelta(days=45)} A2",
    ]
