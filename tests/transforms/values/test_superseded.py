from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.samples.stores import utc
from transforms.values.superseded import superseded
from transforms.values.windows import Fetch, Window, covered_days

BEGAN = utc(2026, 7, 10)


def fetch(hour: int, first: int, last: int, *, is_whole: bool = True) -> Fetch:
    """Return a fetch of days of July; its landing is the hour at which it began."""
    window = Window(date(2026, 7, first), date(2026, 7, last))
    return Fetch(window, BEGAN + timedelta(hours=hour), str(hour), is_whole)


@pytest.mark.parametrize(
    ("fetches", "expected"),
    [
        ([fetch(1, 1, 3)], set()),
        ([fetch(1, 1, 3), fetch(2, 1, 3)], {"1"}),
        ([fetch(1, 1, 3), fetch(2, 1, 2)], set()),
        ([fetch(1, 1, 3), fetch(2, 1, 2), fetch(3, 3, 4)], {"1"}),
        ([fetch(1, 1, 3), fetch(2, 1, 3, is_whole=False)], set()),
        ([fetch(1, 1, 3, is_whole=False), fetch(2, 1, 3)], {"1"}),
        ([fetch(2, 1, 3), fetch(1, 1, 3)], {"1"}),
        # A day that had not begun is not covered.
        ([fetch(1, 9, 12), fetch(2, 9, 12)], set()),
    ],
)
def test_fetch_is_superseded_when_all_its_days_are(fetches: list[Fetch], expected: set[str]) -> None:
    assert superseded(fetches) == expected


DAYS = st.integers(1, 9)


@given(st.lists(st.tuples(DAYS, DAYS, st.booleans()), max_size=12))
def test_newest_fetch_of_a_day_is_never_superseded(made: list[tuple[int, int, bool]]) -> None:
    fetches = [
        fetch(hour, min(days), max(days), is_whole=is_whole) for hour, (*days, is_whole) in enumerate(made, 1)
    ]
    covered = covered_days(fetches)
    found = superseded(fetches)
    assert found.isdisjoint({day.landing for day in covered})
    left = [each for each in fetches if each.landing not in found]
    assert covered_days(left) == covered
