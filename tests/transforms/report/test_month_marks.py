"""The words about months that are not final."""

from datetime import date
from typing import Any

from transforms.report.month_marks import month_marks


def row(month: int, *, running: bool = False, read: int = 28, missing: int | None = 0) -> dict[str, Any]:
    return {
        "month": date(2026, month, 1),
        "is_running": running,
        "days_read": read,
        "days_missing": missing,
    }


def test_marks_are_of_running_months_and_months_with_gaps() -> None:
    rows = [row(9, running=True, read=14), row(8, read=29, missing=2), row(7)]
    assert month_marks(rows) == [
        "2026-09 is not over: 14 days are read.",
        "2026-08 is incomplete: 2 days are missing.",
    ]


def test_mark_of_a_month_is_that_of_its_worst_row() -> None:
    rows = [
        row(9, running=True, read=14),
        row(9, running=True, read=1, missing=13),
        row(9, running=True, read=12),
    ]
    assert month_marks(rows) == ["2026-09 is not over: 1 day is read, 13 days are missing."]


def test_marks_name_the_newest_months_and_count_the_others() -> None:
    rows = [row(month, missing=1) for month in range(1, 6)]
    assert month_marks(rows) == [
        "2026-05 is incomplete: 1 day is missing.",
        "2026-04 is incomplete: 1 day is missing.",
        "2026-03 is incomplete: 1 day is missing.",
        "2 earlier months have missing days.",
    ]


def test_final_months_and_unknown_ones_have_no_mark() -> None:
    assert month_marks([row(8), row(9, missing=None)]) == []
