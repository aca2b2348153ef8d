"""Findings: lasting changes of the level of spend."""

from datetime import date
from decimal import Decimal
from typing import Any

from transforms.monitor.shifts import spend_shifts

AS_OF = date(2026, 9, 30)


def shift(since: date, **values: Any) -> dict[str, Any]:
    return {
        "since": since,
        "account_sid": "A1",
        "account_name": "support",
        "currency": "USD",
        "level_before": Decimal("10.004"),
        "level_after": Decimal("16.4"),
        "change": Decimal("6.396"),
        "change_percent": Decimal("63.93"),
        "source": "DialVerb",
        "source_change": Decimal("5.123456789"),
        **values,
    }


def test_spend_shift_is_one_finding_with_both_levels() -> None:
    (found,) = spend_shifts([shift(date(2026, 9, 3))], AS_OF)
    assert found.key == "spend.shifted 2026-09-03 A1 USD more"
    assert found.sentence == (
        "support: since 2026-09-03 a day costs about 16.40 USD instead of 10.00 USD (+64 %); mainly DialVerb (+5.12)."
    )
    assert found.facts["level_after"] == "16.4"


def test_spend_shift_downward_or_from_nothing() -> None:
    less = shift(
        date(2026, 9, 3),
        level_after=Decimal(5),
        change=Decimal("-5.004"),
        change_percent=Decimal("-50.02"),
        source_change=Decimal(-4),
    )
    new = shift(date(2026, 9, 4), level_before=Decimal(0), change_percent=None)
    found = spend_shifts([less, new], AS_OF)
    assert [each.subject for each in found] == ["2026-09-03 A1 USD less", "2026-09-04 A1 USD more"]
    assert found[0].sentence.endswith("5.00 USD instead of 10.00 USD (-50 %); mainly DialVerb (-4.00).")
    assert found[1].sentence.endswith("16.40 USD instead of 0.00 USD; mainly DialVerb (+5.12).")


def test_spend_shift_is_a_finding_for_45_days() -> None:
    rows = [shift(date(2026, 8, 16)), shift(date(2026, 8, 17))]
    assert [each.facts["since"] for each in spend_shifts(rows, AS_OF)] == ["2026-08-17"]
