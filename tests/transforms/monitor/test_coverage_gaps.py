"""Findings: coverage gaps."""

from datetime import date, timedelta
from typing import Any

from transforms.monitor.coverage_gaps import holes


def missing(sid: str, *days: date) -> list[dict[str, Any]]:
    return [{"account_sid": sid, "account_name": f"name of {sid}", "day": day} for day in days]


def test_neighbouring_unread_days_of_an_account_are_one_gap() -> None:
    found = holes(
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
    assert {holes(missing("A1", *days[:n]))[0].key for n in range(1, 9)} == {"holes.found A1 2026-09-01"}
